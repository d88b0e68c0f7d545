#include "ceiling.h"

#include <algorithm>

#include "bench_timer.h"
#include "graph/executable.h"

namespace rivulet::cli {
namespace {

/// Numbers that are best on one device or another: enough accumulators to hide the latency of an addition, few enough
/// to stay in registers. On lavapipe 25.0.7 (AVX-512, 256-bit vectors) 24 accumulators are best, and within a tenth of
/// what the same loop reaches in assembly.
struct Loop {
  std::uint32_t accumulators, unroll;
};
constexpr Loop kLoops[] = {{8, 16}, {16, 8}, {20, 4}, {24, 16}};

}  // namespace

double measureCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  const vk::DeviceCaps& caps = pipelines.device()->caps();
  const bool software = caps.isSoftware();
  const std::uint32_t local = software ? std::max(1u, caps.subgroupSize)
                                       : std::min({256u, caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]});
  const std::uint32_t groups = software ? 64 : 4096;
  const double wanted = software ? 8e8 : 4e10;  // operations of one dispatch: a few milliseconds

  graph::Graph graph(caps, DataType::F32);
  const graph::Tensor y = graph.persistent({1, 1, 1, local * groups, DataType::F32}, "ceiling");
  std::vector<double> operations;
  for (const Loop& loop : kLoops) {
    const double perPass = 2.0 * loop.accumulators * loop.unroll * local * groups;
    const auto passes = static_cast<std::uint32_t>(std::max(1.0, wanted / perPass));
    graph::Dispatch dispatch;
    dispatch.name = "ceiling";
    dispatch.op = "multiply-adds";
    dispatch.kernel = {graph.shader("bench/ceiling"), {local, loop.accumulators, loop.unroll}};
    dispatch.groups = {groups, 1, 1};
    dispatch.push.offset(y).word(passes).real(1e-7f);
    dispatch.writes = {y};
    graph.dispatch(std::move(dispatch));
    operations.push_back(perPass * passes);
  }
  auto weights = graph::WeightBuffer::create(graph, stream, pipelines.device(), "ceiling");
  const graph::Executable executable(std::move(graph), pipelines, std::move(weights), {"ceiling", {}});
  SubmissionTimer timer(pipelines.device(), stream);
  double best = 0.0;
  // Twice: the first round brings the device to its clock, and may compile.
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < executable.size(); ++i) {
      const double seconds =
          timer.seconds("ceiling", [&](VkCommandBuffer commands) { executable.record(commands, i, 1); });
      best = std::max(best, operations[i] / seconds * 1e-9);
    }
  }
  return best;
}

}  // namespace rivulet::cli
