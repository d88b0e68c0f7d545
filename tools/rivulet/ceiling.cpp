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

/// Dispatches that do nothing but multiply and add, and how much.
struct Loops {
  graph::Graph graph;
  std::vector<double> operations;  // of each dispatch
};

/// The fastest of them, in GFLOP/s.
double measureLoops(Loops loops, vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  auto weights = graph::WeightBuffer::create(loops.graph, stream, pipelines.device(), "ceiling");
  const graph::Executable executable(std::move(loops.graph), pipelines, std::move(weights), {"ceiling", {}});
  SubmissionTimer timer(pipelines.device(), stream);
  double best = 0.0;
  // At least twice, and for some time: at first kernels compile, and the device rises to its clock.
  constexpr double kLeastSeconds = 0.02;
  double passed = 0.0;
  for (int round = 0; round < 2 || passed < kLeastSeconds; ++round) {
    for (std::uint32_t i = 0; i < executable.size(); ++i) {
      const double seconds =
          timer.seconds("ceiling", [&](VkCommandBuffer commands) { executable.record(commands, i, 1); });
      best = std::max(best, loops.operations[i] / seconds * 1e-9);
      passed += seconds;
    }
  }
  return best;
}

}  // namespace

double measureCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  const vk::DeviceCaps& caps = pipelines.device()->caps();
  const bool software = caps.isSoftware();
  const std::uint32_t local = software ? std::max(1u, caps.subgroupSize)
                                       : std::min({256u, caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]});
  const std::uint32_t groups = software ? 64 : 4096;
  const double wanted = software ? 8e8 : 4e10;  // operations of one dispatch: a few milliseconds

  Loops loops{graph::Graph(caps, DataType::F32), {}};
  const graph::Tensor y = loops.graph.persistent({1, 1, 1, local * groups, DataType::F32}, "ceiling");
  for (const Loop& loop : kLoops) {
    const double perPass = 2.0 * loop.accumulators * loop.unroll * local * groups;
    const auto passes = static_cast<std::uint32_t>(std::max(1.0, wanted / perPass));
    graph::Dispatch dispatch;
    dispatch.name = "ceiling";
    dispatch.op = "multiply-adds";
    dispatch.kernel = {loops.graph.shader("bench/ceiling"), {local, loop.accumulators, loop.unroll}};
    dispatch.groups = {groups, 1, 1};
    dispatch.push.offset(y).word(passes).real(1e-7f);
    dispatch.writes = {y};
    loops.graph.dispatch(std::move(dispatch));
    loops.operations.push_back(perPass * passes);
  }
  return measureLoops(std::move(loops), pipelines, stream);
}

double measureMatrixCeilingGflops(vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  const vk::DeviceCaps& caps = pipelines.device()->caps();
  if (!caps.cooperativeMatrix || !caps.storage16) return 0.0;
  const bool software = caps.isSoftware();
  const std::uint32_t subgroups = software ? 1 : 4, groups = software ? 16 : 4096;
  const double wanted = software ? 1e8 : 4e11;
  Loops loops{graph::Graph(caps, DataType::F16), {}};
  for (const vk::CooperativeMatrixShape& shape : caps.cooperativeMatrixShapes) {
    if (shape.a != VK_COMPONENT_TYPE_FLOAT16_KHR || shape.b != VK_COMPONENT_TYPE_FLOAT16_KHR ||
        shape.c != VK_COMPONENT_TYPE_FLOAT32_KHR || shape.result != VK_COMPONENT_TYPE_FLOAT32_KHR)
      continue;
    const graph::Tensor y =
        loops.graph.persistent({1, 1, groups * subgroups, shape.m * shape.n, DataType::F32}, "matrix ceiling");
    for (const std::uint32_t accumulators : {4u, 8u, 16u}) {
      const double perPass = 2.0 * accumulators * shape.m * shape.n * shape.k * subgroups * groups;
      const auto passes = static_cast<std::uint32_t>(std::max(1.0, wanted / perPass));
      graph::Dispatch dispatch;
      dispatch.name = "matrix ceiling";
      dispatch.op = "matrix multiply-adds";
      dispatch.kernel = {loops.graph.shader("bench/matrix_ceiling"),
                         {subgroups * caps.subgroupSize, shape.m, shape.n, shape.k, accumulators},
                         caps.subgroupSizeControl ? caps.subgroupSize : 0};
      dispatch.groups = {groups, 1, 1};
      dispatch.push.offset(y).word(passes).real(1e-3f);
      dispatch.writes = {y};
      loops.graph.dispatch(std::move(dispatch));
      loops.operations.push_back(perPass * passes);
    }
  }
  return loops.operations.empty() ? 0.0 : measureLoops(std::move(loops), pipelines, stream);
}

bool onMatrixUnits(const graph::Dispatch& dispatch) {
  return dispatch.op.rfind("matrix ", 0) == 0;
}

double measureCopyGigabytes(vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  const std::shared_ptr<vk::Device>& device = pipelines.device();
  const std::uint64_t bytes = device->caps().isSoftware() ? 64ull << 20 : 512ull << 20;  // more than caches hold
  const vk::Buffer from(device, vk::BufferUse::Device, bytes, "copied from");
  const vk::Buffer to(device, vk::BufferUse::Device, bytes, "copied to");
  SubmissionTimer timer(device, stream);
  double best = 0.0;
  for (int round = 0; round < 4; ++round) {
    const double seconds = timer.seconds("copy", [&](VkCommandBuffer commands) {
      const VkBufferCopy region{0, 0, bytes};
      device->fn().CmdCopyBuffer(commands, from.handle(), to.handle(), 1, &region);
    });
    best = std::max(best, 2.0 * static_cast<double>(bytes) / seconds * 1e-9);
  }
  return best;
}

double Ceilings::fraction(double seconds, double multiplyAdds, double bytes, bool matrix) const {
  const double arithmetic = matrix && matrixGflops > 0.0 ? matrixGflops : gflops;
  const double least = std::max(2.0 * multiplyAdds / (arithmetic * 1e9), bytes / (gigabytes * 1e9));
  return seconds > 0.0 ? least / seconds : 0.0;
}

Ceilings measureCeilings(vk::PipelineCache& pipelines, vk::CommandStream& stream) {
  return {measureCeilingGflops(pipelines, stream), measureMatrixCeilingGflops(pipelines, stream),
          measureCopyGigabytes(pipelines, stream)};
}

}  // namespace rivulet::cli
