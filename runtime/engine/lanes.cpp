#include "engine/lanes.h"

#include <algorithm>

#include "core/error.h"
#include "engine/evaluator.h"
#include "samplers/step_params.h"

namespace rivulet::engine {
namespace {

constexpr std::size_t kMostPerWrite = 65536;  // graph::Executable::write

void writeAll(const graph::Executable& executable, VkCommandBuffer commands, graph::Tensor tensor,
              std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kMostPerWrite) {
    executable.write(commands, tensor, bytes.subspan(at, std::min(kMostPerWrite, bytes.size() - at)), at);
  }
}

std::string describe(const models::Network& network, const LaneShape& shape) {
  return "'" + network.info().name + "' at " + std::to_string(shape.width) + "x" + std::to_string(shape.height) +
         " with " + std::to_string(shape.lanes) + (shape.lanes == 1 ? " lane" : " lanes");
}

/// buildLaneGraph; of a size too large for any kernel's indices, says what it would take.
LaneGraph build(const models::Network& network, const vk::Device& device, const LaneShape& shape) {
  const std::uint32_t native = network.info().nativeSize;
  try {
    return buildLaneGraph(network, device.caps(), shape);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::InvalidArgument || std::max(shape.width, shape.height) <= native) throw;
    LaneShape one = shape;  // memory goes with the area
    one.width = one.height = native;
    const double area = static_cast<double>(shape.width) * shape.height / (static_cast<double>(native) * native);
    const double bytes =
        area * static_cast<double>(buildLaneGraph(network, device.caps(), one).graph.memory().arenaBytes);
    throw Error(ErrorCode::OutOfDeviceMemory, describe(network, shape) + " needs about " +
                                                  std::to_string(static_cast<std::uint64_t>(bytes)) +
                                                  " bytes for activations; " + toString(memoryLimits(device), device) +
                                                  ". It is refused because " + error.what());
  }
}

}  // namespace

Lanes::Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
             const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
             const graph::ExecutableOptions& options)
    : network_(std::move(network)), shape_(shape), weights_(std::move(weights)) {
  const std::shared_ptr<vk::Device>& device = pipelines.device();
  LaneGraph built = build(*network_, *device, shape);
  checkMemory(built.graph.memory(), *device, describe(*network_, shape));
  if (!weights_) weights_ = graph::WeightBuffer::create(built.graph, stream, device, network_->info().name);
  compile(pipelines, std::move(built), options);
}

Lanes::Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, LaneGraph built,
             const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
             const graph::ExecutableOptions& options)
    : network_(std::move(network)), shape_(shape), weights_(std::move(weights)) {
  compile(pipelines, std::move(built), options);
}

void Lanes::compile(vk::PipelineCache& pipelines, LaneGraph built, const graph::ExecutableOptions& options) {
  conditioning_ = built.conditioning;
  state_ = built.state;
  networkFirst_ = built.networkFirst;
  executable_ = std::make_unique<graph::Executable>(std::move(built.graph), pipelines, weights_, options);
  lanes_.resize(shape_.lanes);
  const TensorDesc& conditioning = executable_->desc(conditioning_);
  rows_.resize(std::size_t{conditioning.n} * conditioning.stride());
  initial_.resize(shape_.lanes);
  steps_.resize(shape_.lanes);
}

void Lanes::assign(std::uint32_t lane, std::shared_ptr<const Request> request, std::shared_ptr<const StepPlan> plan) {
  const bool fits = request->width == shape_.width && request->height == shape_.height;
  if (!fits || (needsGuidance(network_->info(), *request) && !shape_.guided) ||
      (needsOf(*plan) | shape_.needs) != shape_.needs) {
    throw Error(ErrorCode::Internal, "a request was given to lanes of another shape");
  }
  lanes_.at(lane) = Job{std::move(request), std::move(plan), 0};
}

bool Lanes::finished(std::uint32_t lane) const {
  const std::optional<Job>& job = lanes_.at(lane);
  return job && job->call == job->plan->calls.size();
}

std::uint32_t Lanes::activeCount() const {
  return static_cast<std::uint32_t>(
      std::count_if(lanes_.begin(), lanes_.end(), [](const auto& job) { return job.has_value(); }));
}

void Lanes::recordParameters(VkCommandBuffer commands) {
  const std::size_t channels = network_->conditioning().channels;
  const std::size_t stride = executable_->desc(conditioning_).stride();
  std::fill(rows_.begin(), rows_.end(), 0.0f);
  std::fill(initial_.begin(), initial_.end(), StepParams{});  // zero flags: the kernels leave the lane alone
  std::fill(steps_.begin(), steps_.end(), StepParams{});
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    const std::optional<Job>& job = lanes_[lane];
    if (!job || finished(lane)) continue;
    const ModelCall& call = job->plan->calls[job->call];
    const auto row = [&](std::size_t index) { return std::span(rows_).subspan(index * stride, channels); };
    fillConditioning(*network_, *job->request, call, false, row(lane));
    const bool guided = needsGuidance(network_->info(), *job->request);
    if (guided) fillConditioning(*network_, *job->request, call, true, row(shape_.lanes + lane));

    StepSlot slot;
    slot.seed = job->request->seed;
    slot.guided = guided;
    slot.guidance = job->request->guidance;
    steps_[lane] = toStepParams(*job->plan, job->call, slot);
    if (job->call == 0) initial_[lane] = initialNoiseParams(*job->plan, slot);
  }
  writeAll(*executable_, commands, conditioning_, std::as_bytes(std::span(rows_)));
  writeAll(*executable_, commands, state_.initialParams, std::as_bytes(std::span(initial_)));
  writeAll(*executable_, commands, state_.stepParams, std::as_bytes(std::span(steps_)));
}

void Lanes::advance() {
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (active(lane) && !finished(lane)) ++lanes_[lane]->call;
  }
}

void Lanes::recordReadback(VkCommandBuffer commands, const vk::Buffer& destination) const {
  executable_->copyOut(commands, state_.x, destination, 0);
}

std::uint64_t Lanes::stateBytes() const {
  return executable_->desc(state_.x).bytes();
}

std::vector<float> Lanes::state(std::span<const std::byte> bytes, std::uint32_t lane) const {
  TensorDesc one = executable_->desc(state_.x);
  one.n = 1;
  return graph::unpackNchw(bytes.subspan(lane * one.bytes(), one.bytes()), one);
}

}  // namespace rivulet::engine
