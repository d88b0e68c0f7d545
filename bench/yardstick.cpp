#include "yardstick.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "vk/gpu_timer.h"

namespace rivulet::bench {

Yardstick::Yardstick(const std::shared_ptr<vk::Device>& device, vk::CommandStream& stream, double microseconds)
    : device_(device), pipelines_(device) {
  vk::GpuTimer timer(device, 2);
  std::uint32_t passes = 16;
  // The first round compiles; the second is near; the third corrects for what a dispatch costs in itself.
  for (int round = 0; round < 3; ++round) {
    build(stream, passes);
    std::vector<double> took;
    for (int i = 0; i < 15; ++i) {
      const VkCommandBuffer commands = stream.begin("yardstick");
      timer.begin(commands);
      timer.mark(commands);
      record(commands);
      timer.mark(commands);
      stream.wait(stream.submit());
      const std::vector<double> marks = timer.read();
      if (marks.size() != 2) throw Error(ErrorCode::Unsupported, "the device has no time stamps to compare with");
      took.push_back(marks[1] - marks[0]);
    }
    std::nth_element(took.begin(), took.begin() + 7, took.end());
    passes = std::max(1u, static_cast<std::uint32_t>(passes * microseconds / std::max(took[7], 1.0)));
  }
  build(stream, passes);
}

void Yardstick::record(VkCommandBuffer commands) const {
  executable_->record(commands, 0, executable_->size());
}

void Yardstick::build(vk::CommandStream& stream, std::uint32_t passes) {
  const vk::DeviceCaps& caps = device_->caps();
  const std::uint32_t local = caps.isSoftware() ? std::max(1u, caps.subgroupSize) : 128;
  const std::uint32_t groups = caps.isSoftware() ? 64 : 4096;
  graph::Graph graph(caps, DataType::F32);
  const graph::Tensor y = graph.persistent({1, 1, 1, local * groups, DataType::F32}, "yardstick");
  graph::Dispatch dispatch;
  dispatch.name = "yardstick";
  dispatch.op = "multiply-adds";
  dispatch.kernel = {graph.shader("bench/ceiling"), {local, 24, 16}};
  dispatch.groups = {groups, 1, 1};
  dispatch.push.offset(y).word(passes).real(1e-7f);
  dispatch.writes = {y};
  graph.dispatch(std::move(dispatch));
  auto weights = graph::WeightBuffer::create(graph, stream, device_, "yardstick");
  executable_ = std::make_unique<graph::Executable>(std::move(graph), pipelines_, std::move(weights),
                                                    graph::ExecutableOptions{"yardstick", {}});
}

}  // namespace rivulet::bench
