#pragma once
// Counts the device memory that whoever uses VulkanSpy's entry points has allocated, at every moment.

#include <cstdint>

namespace rivulet::test {

/// One at a time; made after VulkanSpy::reset() and before the device's functions are looked up. Thread-safety: any
/// thread.
class MemoryMeter {
 public:
  MemoryMeter();
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  std::uint64_t bytes() const;
  std::uint64_t allocations() const;
  /// The most bytes at once since restart().
  std::uint64_t peak() const;
  void restart();
};

}  // namespace rivulet::test
