#pragma once
// GPU timestamps around dispatches.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "vk/buffer.h"
#include "vk/device.h"

namespace rivulet::vk {

/// A pool of timestamps that one recording writes and the host reads after it finished. Without device timestamps every
/// method is a no-op and read() returns nothing. Thread-safety: one thread at a time.
class GpuTimer {
 public:
  GpuTimer(std::shared_ptr<Device> device, std::uint32_t capacity);
  ~GpuTimer();
  GpuTimer(const GpuTimer&) = delete;
  GpuTimer& operator=(const GpuTimer&) = delete;

  bool available() const { return pool_ != VK_NULL_HANDLE; }
  std::uint32_t capacity() const { return capacity_; }
  /// Resets the pool on the device timeline; call first in a recording, outside a render pass.
  void begin(VkCommandBuffer commands);
  /// Writes a timestamp when all earlier commands have finished. Returns its index, or UINT32_MAX if full or
  /// unavailable.
  std::uint32_t mark(VkCommandBuffer commands);
  /// Marks written since begin().
  std::uint32_t used() const { return used_; }
  /// Microseconds of each mark since the first one, after the recording finished; empty if it has not or is
  /// unavailable. Some drivers wait here until the whole device is idle.
  std::vector<double> read() const;

  /// For hosts that must not wait: records the copy of the marks written so far to `offset`, a multiple of 8, in
  /// `buffer` (Readback, 8 bytes a mark). They are there, for the host as well, when the recording has finished.
  void copy(VkCommandBuffer commands, const Buffer& buffer, std::uint64_t offset) const;
  /// Microseconds of each mark since the first one, of those that copy() put in `buffer`, invalidated by the caller;
  /// `microseconds` is at least used() long. Returns the number of marks. Allocates nothing.
  std::size_t read(const Buffer& buffer, std::uint64_t offset, std::span<double> microseconds);

 private:
  std::shared_ptr<Device> device_;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  std::uint32_t capacity_ = 0, used_ = 0;
  std::vector<std::uint64_t> ticks_;
};

/// Microseconds since the first of `ticks`, of which the lowest `validBits` bits count up by one every `periodNs` and
/// may wrap once between neighbours.
std::vector<double> timestampsToMicroseconds(std::span<const std::uint64_t> ticks, std::uint32_t validBits,
                                             double periodNs);
/// Into `result`, as long as `ticks` at least.
void timestampsToMicroseconds(std::span<const std::uint64_t> ticks, std::uint32_t validBits, double periodNs,
                              std::span<double> result);

}  // namespace rivulet::vk
