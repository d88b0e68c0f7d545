#pragma once
// A load of known length, to tell how much frame times scatter on this machine from how well a budget is kept.

#include <memory>

#include "graph/executable.h"
#include "vk/command_stream.h"

namespace rivulet::bench {

/// The same multiply-adds over registers every time: whatever its duration varies by is the machine's doing.
/// Thread-safety: one thread at a time.
class Yardstick {
 public:
  /// Runs through `stream` until it knows how many multiply-adds take `microseconds`, as the median of several runs.
  /// Needs GPU timestamps. Errors: those of the device.
  Yardstick(const std::shared_ptr<vk::Device>& device, vk::CommandStream& stream, double microseconds);

  void record(VkCommandBuffer commands) const;

 private:
  void build(vk::CommandStream& stream, std::uint32_t passes);

  std::shared_ptr<vk::Device> device_;
  vk::PipelineCache pipelines_;
  std::unique_ptr<graph::Executable> executable_;
};

}  // namespace rivulet::bench
