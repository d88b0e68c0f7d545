#pragma once
// A network alone, without a sampler: given inputs, its output. What `rivulet verify`, `rivulet bench model` and tests
// run.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "graph/executable.h"
#include "models/network.h"
#include "vk/command_stream.h"

namespace rivulet::engine {

/// Shape and storage of an evaluation: n rows of height × width.
struct EvaluationShape {
  std::uint32_t n = 1, height = 0, width = 0;
  DataType type = DataType::F32;
  bool quantized = false;  // layers with a quantisation multiply integers (graph::Graph::setQuantized); F16
  bool observed = false;   // what convolutions read is kept (graph::Graph::observe)
};

/// Errors: InvalidArgument for Mixed, which is a matter of steps.
EvaluationShape evaluationShape(std::uint32_t n, std::uint32_t height, std::uint32_t width, Precision precision);

/// A graph with the network's inputs and its output, all persistent. Dispatches in order: [0, networkFirst) the
/// embedding of the conditioning, then the rest of the network.
struct EvaluationGraph {
  graph::Graph graph;
  graph::Tensor x;             // [n,height,width,inChannels], storage type
  graph::Tensor conditioning;  // [n,1,1,M] float
  graph::Tensor output;        // [n,height,width,outChannels], storage type
  std::uint32_t networkFirst = 0;
};

/// Touches no device. `tuning`: as graph::Graph. Errors: InvalidArgument (size; integers from a network without a
/// quantisation), MissingFeature (fp16, integers).
EvaluationGraph buildEvaluation(const models::Network& network, const vk::DeviceCaps& caps,
                                const EvaluationShape& shape, std::shared_ptr<const graph::Tuning> tuning = nullptr);

/// What a device can hold, in bytes: in its largest local heap, and in one buffer of ours.
struct MemoryLimits {
  std::uint64_t heap = 0, buffer = 0;
};
MemoryLimits memoryLimits(const vk::Device& device);
/// "<device> has <heap> bytes, at most <buffer> in one buffer"
std::string toString(const MemoryLimits& limits, const vk::Device& device);

/// Refuses a plan the device cannot hold, before anything is allocated. `what` opens the message. Errors:
/// OutOfDeviceMemory with the bytes needed and the bytes there are.
void checkMemory(const graph::MemoryPlan& plan, const vk::Device& device, const std::string& what);

/// Thread-safety: one thread at a time.
class Evaluator {
 public:
  /// `weights` may be null, or those of another Evaluator of the same network, precision and device; they are shared
  /// where they fit. Errors: as buildEvaluation, and OutOfDeviceMemory with the bytes needed and available.
  Evaluator(const models::Network& network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
            const EvaluationShape& shape, std::shared_ptr<const graph::WeightBuffer> weights = nullptr,
            const graph::ExecutableOptions& options = {}, std::shared_ptr<const graph::Tuning> tuning = nullptr);

  /// x: [n, inChannels, height, width] (NCHW). conditioning: [n, ConditioningLayout::channels]. Returns
  /// [n, outChannels, height, width]. Waits for the device. Errors: DeviceLost, OutOfDeviceMemory.
  std::vector<float> run(std::span<const float> x, std::span<const float> conditioning);

  graph::Executable& executable() { return *executable_; }
  /// Dispatches [0, networkFirst()) embed the conditioning.
  std::uint32_t networkFirst() const { return networkFirst_; }
  const std::shared_ptr<const graph::WeightBuffer>& weights() const { return weights_; }

 private:
  vk::CommandStream& stream_;
  std::shared_ptr<vk::Device> device_;
  graph::Tensor x_, conditioning_, output_;
  std::uint32_t networkFirst_ = 0;
  std::shared_ptr<const graph::WeightBuffer> weights_;
  std::unique_ptr<graph::Executable> executable_;
};

}  // namespace rivulet::engine
