#include "engine/evaluator.h"

#include <algorithm>

#include "core/error.h"

namespace rivulet::engine {

EvaluationShape evaluationShape(std::uint32_t n, std::uint32_t height, std::uint32_t width, Precision precision) {
  if (precision == Precision::Mixed) {
    throw Error(
        ErrorCode::InvalidArgument,
        "mixed precision is a matter of a texture's steps, and this evaluates the network alone: use fp32, fp16 or "
        "int8");
  }
  EvaluationShape shape{n, height, width, storageOf(precision)};
  shape.quantized = precision == Precision::Int8;
  return shape;
}

EvaluationGraph buildEvaluation(const models::Network& network, const vk::DeviceCaps& caps,
                                const EvaluationShape& shape, std::shared_ptr<const graph::Tuning> tuning) {
  EvaluationGraph result{graph::Graph(caps, shape.type, std::move(tuning)), {}, {}, {}, 0};
  graph::Graph& graph = result.graph;
  if (shape.quantized) models::requireQuantized(network.info());
  graph.setQuantized(shape.quantized);
  if (shape.observed) graph.observe();
  result.x = graph.persistent({shape.n, shape.height, shape.width, network.info().inChannels, shape.type}, "x");
  result.conditioning =
      graph.persistent({shape.n, 1, 1, network.conditioning().channels, DataType::F32}, "conditioning");
  const graph::Tensor embedding = network.embed(graph, result.conditioning);
  result.networkFirst = static_cast<std::uint32_t>(graph.dispatches().size());
  result.output = network.build(graph, {result.x, embedding});
  graph.keep(result.output);
  return result;
}

MemoryLimits memoryLimits(const vk::Device& device) {
  const vk::DeviceCaps& caps = device.caps();
  MemoryLimits limits;
  limits.buffer =
      caps.bufferDeviceAddress ? caps.maxAllocation : std::min(caps.maxAllocation, caps.maxStorageBufferRange);
  VkPhysicalDeviceMemoryProperties properties{};
  device.instanceFn().GetPhysicalDeviceMemoryProperties(device.physicalDevice(), &properties);
  for (std::uint32_t i = 0; i < properties.memoryHeapCount; ++i) {
    if ((properties.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0) {
      limits.heap = std::max<std::uint64_t>(limits.heap, properties.memoryHeaps[i].size);
    }
  }
  return limits;
}

std::string toString(const MemoryLimits& limits, const vk::Device& device) {
  return device.caps().name + " has " + std::to_string(limits.heap) + " bytes, at most " +
         std::to_string(limits.buffer) + " in one buffer";
}

void checkMemory(const graph::MemoryPlan& plan, const vk::Device& device, const std::string& what) {
  const MemoryLimits limits = memoryLimits(device);
  const std::uint64_t largest = std::max(plan.arenaBytes, plan.weightBytes);
  if (largest <= limits.buffer && plan.arenaBytes + plan.weightBytes <= limits.heap) return;
  throw Error(ErrorCode::OutOfDeviceMemory, what + " needs " + std::to_string(plan.arenaBytes) +
                                                " bytes for activations and " + std::to_string(plan.weightBytes) +
                                                " for weights; " + toString(limits, device) +
                                                ": use a smaller size, fewer lanes or fp16");
}

Evaluator::Evaluator(const models::Network& network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
                     const EvaluationShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
                     const graph::ExecutableOptions& options, std::shared_ptr<const graph::Tuning> tuning)
    : stream_(stream), device_(pipelines.device()), weights_(std::move(weights)) {
  EvaluationGraph built = buildEvaluation(network, device_->caps(), shape, std::move(tuning));
  x_ = built.x;
  conditioning_ = built.conditioning;
  output_ = built.output;
  networkFirst_ = built.networkFirst;
  checkMemory(built.graph.memory(), *device_,
              "'" + network.info().name + "' at " + std::to_string(shape.width) + "x" + std::to_string(shape.height) +
                  ", batch " + std::to_string(shape.n) + ",");
  if (!weights_ || !weights_->fits(built.graph)) {
    weights_ = graph::WeightBuffer::create(built.graph, stream_, device_, network.info().name);
  }
  executable_ = std::make_unique<graph::Executable>(std::move(built.graph), pipelines, weights_, options);
}

std::vector<float> Evaluator::run(std::span<const float> x, std::span<const float> conditioning) {
  const std::vector<std::byte> xBytes = graph::packNchw(x, executable_->desc(x_));
  const std::vector<std::byte> conditioningBytes = graph::packNchw(conditioning, executable_->desc(conditioning_));
  stream_.upload(executable_->arena(), executable_->offset(x_), xBytes);
  stream_.upload(executable_->arena(), executable_->offset(conditioning_), conditioningBytes);
  const VkCommandBuffer commands = stream_.begin("evaluation");
  executable_->record(commands, 0, executable_->size());
  stream_.wait(stream_.submit());
  const TensorDesc& desc = executable_->desc(output_);
  std::vector<std::byte> bytes(desc.bytes());
  stream_.download(executable_->arena(), executable_->offset(output_), bytes);
  return graph::unpackNchw(bytes, desc);
}

}  // namespace rivulet::engine
