#pragma once

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>

#include <cstdint>
#include <memory>

namespace rivulet::training {

/// What libtorch allocates for tensors on this thread, on any device, while this lives. Libraries below it (oneDNN,
/// cuDNN) allocate scratch memory of their own that nobody reports. Not thread-safe; one at a time on a thread.
class PeakMemory {
 public:
  PeakMemory();
  ~PeakMemory();
  PeakMemory(const PeakMemory&) = delete;
  PeakMemory& operator=(const PeakMemory&) = delete;

  /// Bytes allocated since it was made and not freed.
  std::int64_t bytes() const;
  /// The most of them at once since it was made, or since restart().
  std::int64_t peakBytes() const;
  void restart();

 private:
  class Count;
  std::shared_ptr<Count> count_;
  std::unique_ptr<c10::DebugInfoGuard> guard_;
};

}  // namespace rivulet::training
