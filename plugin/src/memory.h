#pragma once
// How much device memory a context has planned, against the limit the host gave.

#include <cstdint>

namespace rivulet::plugin {

/// Thread-safety: its owner's lock.
class Memory {
 public:
  explicit Memory(std::uint64_t limit) : limit_(limit == 0 ? UINT64_MAX : limit) {}
  bool fits(std::uint64_t bytes) const { return bytes <= limit_ && used_ <= limit_ - bytes; }
  void take(std::uint64_t bytes) { used_ += bytes; }
  void give(std::uint64_t bytes) { used_ -= bytes; }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }

 private:
  std::uint64_t limit_, used_ = 0;
};

}  // namespace rivulet::plugin
