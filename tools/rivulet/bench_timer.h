#pragma once
// Times one submission.

#include <functional>
#include <memory>
#include <vector>

#include "vk/command_stream.h"
#include "vk/gpu_timer.h"

namespace rivulet::cli {

/// Of an odd or even number of values; 0 of none.
double median(std::vector<double> values);

/// Thread-safety: one thread at a time.
class SubmissionTimer {
 public:
  SubmissionTimer(const std::shared_ptr<vk::Device>& device, vk::CommandStream& stream)
      : stream_(stream), timer_(device, 2) {}
  /// Seconds that what `record` records takes, by GPU timestamps, or from submission to completion where there are
  /// none.
  double seconds(const char* label, const std::function<void(VkCommandBuffer)>& record);

 private:
  vk::CommandStream& stream_;
  vk::GpuTimer timer_;
};

}  // namespace rivulet::cli
