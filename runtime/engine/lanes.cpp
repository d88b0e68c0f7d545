#include "engine/lanes.h"

#include <algorithm>
#include <tuple>

#include "core/error.h"
#include "core/noise_walk.h"
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

LaneGraph build(const models::Network& network, const vk::Device& device, const LaneShape& shape,
                const std::shared_ptr<const graph::Tuning>& tuning) {
  const std::uint32_t native = network.info().nativeSize;
  try {
    return buildLaneGraph(network, device.caps(), shape, tuning);
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

LaneGraph planLanes(const models::Network& network, const vk::Device& device, const LaneShape& shape,
                    const std::shared_ptr<const graph::Tuning>& tuning) {
  LaneGraph built = build(network, device, shape, tuning);
  checkMemory(built.graph.memory(), device, describe(network, shape));
  return built;
}

Lanes::Lanes(std::shared_ptr<const models::Network> network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
             const LaneShape& shape, std::shared_ptr<const graph::WeightBuffer> weights,
             const graph::ExecutableOptions& options, const std::shared_ptr<const graph::Tuning>& tuning)
    : network_(std::move(network)), shape_(shape), weights_(std::move(weights)) {
  const std::shared_ptr<vk::Device>& device = pipelines.device();
  LaneGraph built = planLanes(*network_, *device, shape, tuning);
  if (!weights_ || !weights_->fits(built.graph)) {
    weights_ = graph::WeightBuffer::create(built.graph, stream, device, network_->info().name);
  }
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
  embeddingFirst_ = built.embeddingFirst;
  networkFirst_ = built.networkFirst;
  bytesFirst_ = built.bytesFirst;
  executable_ = std::make_unique<graph::Executable>(std::move(built.graph), pipelines, weights_, options);
  lanes_.resize(shape_.lanes);
  const TensorDesc& conditioning = executable_->desc(conditioning_);
  rows_.resize(std::size_t{conditioning.n} * conditioning.stride());
  initial_.resize(2 * std::size_t{shape_.lanes});
  steps_.resize(shape_.lanes);
}

void Lanes::assign(std::uint32_t lane, std::shared_ptr<const Request> request, std::shared_ptr<const StepPlan> plan,
                   bool givenState) {
  const bool fits = request->width == shape_.width && request->height == shape_.height;
  if (!fits || (needsGuidance(network_->info(), *request) && !shape_.guided) ||
      (needsOf(*plan) | shape_.needs) != shape_.needs) {
    throw Error(ErrorCode::Internal, "a request was given to lanes of another shape");
  }
  lanes_.at(lane) = Job{std::move(request), std::move(plan), 0, givenState};
}

bool Lanes::finished(std::uint32_t lane) const {
  const std::optional<Job>& job = lanes_.at(lane);
  return job && job->call == job->plan->calls.size();
}

std::uint32_t Lanes::activeCount() const {
  return static_cast<std::uint32_t>(
      std::count_if(lanes_.begin(), lanes_.end(), [](const auto& job) { return job.has_value(); }));
}

StepSlot Lanes::slotOf(std::uint32_t lane) const {
  const Request& request = *lanes_[lane]->request;
  StepSlot slot;
  slot.seed = request.seed;
  slot.guided = needsGuidance(network_->info(), request);
  slot.guidance = request.guidance;
  return slot;
}

bool Lanes::wantsBytes(std::uint32_t lane) const {
  const std::uint32_t call = lanes_[lane]->call;
  return shape_.precision == Precision::Mixed && call != 0 && call + 1 != lanes_[lane]->plan->calls.size();
}

/// Lanes that had to wait come first: so none waits for long, whatever the others want.
void Lanes::choosePrecision() {
  bool halves = false, bytes = false;
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (evaluates(lane)) (wantsBytes(lane) ? bytes : halves) = true;
  }
  bytes_ = bytes && (!halves || !bytes_);
}

void Lanes::recordParameters(VkCommandBuffer commands) {
  choosePrecision();
  bool begins = false;
  std::fill(steps_.begin(), steps_.end(), StepParams{});  // zero flags: the kernel leaves the lane alone
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (!takesPart(lane)) continue;
    const Job& job = *lanes_[lane];
    begins = begins || job.call == 0;
    steps_[lane] = toStepParams(*job.plan, job.call, slotOf(lane));
  }
  // One that begins has no embeddings yet. All are made then: the others' come out as they were, and last longer.
  if (begins) selection_.view = 0;
  first_ = begins ? 0 : selection_.view == 0 ? embeddingFirst_ : bytes_ ? bytesFirst_ : networkFirst_;
  if (begins) recordInitialNoise(commands);
  if (selection_.view == 0) recordConditioning(commands);
  writeAll(*executable_, commands, state_.stepParams, std::as_bytes(std::span(steps_)));
}

/// Of the next evaluations of all lanes, row by row as far as any of them goes.
void Lanes::recordConditioning(VkCommandBuffer commands) {
  const TensorDesc& desc = executable_->desc(conditioning_);
  const std::size_t channels = desc.c, stride = desc.stride(), rowsEach = desc.n / kEmbeddedSteps;
  std::size_t most = 0;
  std::fill(rows_.begin(), rows_.end(), 0.0f);
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (!evaluates(lane)) continue;
    const Job& job = *lanes_[lane];
    const bool guided = needsGuidance(network_->info(), *job.request);
    const std::size_t count = std::min<std::size_t>(kEmbeddedSteps, job.plan->calls.size() - job.call);
    most = std::max(most, count);
    for (std::size_t k = 0; k < count; ++k) {
      const ModelCall& call = job.plan->calls[job.call + k];
      const auto row = [&](std::size_t at) { return std::span(rows_).subspan((k * rowsEach + at) * stride, channels); };
      fillConditioning(*network_, *job.request, call, false, row(lane));
      if (guided) fillConditioning(*network_, *job.request, call, true, row(shape_.lanes + lane));
    }
  }
  selection_.rows = static_cast<std::uint32_t>(most * rowsEach);
  writeAll(*executable_, commands, conditioning_, std::as_bytes(std::span(rows_).first(most * rowsEach * stride)));
}

void Lanes::recordInitialNoise(VkCommandBuffer commands) {
  std::fill(initial_.begin(), initial_.end(), StepParams{});
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (!takesPart(lane)) continue;
    const Job& job = *lanes_[lane];
    if (job.call != 0 || job.givenState) continue;
    std::tie(initial_[lane], initial_[shape_.lanes + lane]) =
        initialNoiseParams(*job.plan, slotOf(lane), walkOf(*job.request));
  }
  writeAll(*executable_, commands, state_.initialParams, std::as_bytes(std::span(initial_)));
}

std::uint32_t Lanes::nextDispatch(std::uint32_t dispatch) const {
  const std::uint32_t next = dispatch + 1;
  if (next == networkFirst_ && bytes_) return bytesFirst_;
  return next == bytesFirst_ && !bytes_ ? executable_->size() : next;
}

void Lanes::record(VkCommandBuffer commands, std::uint32_t first, std::uint32_t count) const {
  executable_->record(commands, first, count, nullptr, selection_);
}

void Lanes::record(VkCommandBuffer commands, std::span<const graph::DispatchPart> parts, vk::GpuTimer* timer) const {
  executable_->record(commands, parts, timer, selection_);
}

std::uint64_t Lanes::multiplyAdds(std::uint32_t dispatch) const {
  const std::uint64_t all = executable_->dispatch(dispatch).multiplyAdds;
  const bool embeds = dispatch >= embeddingFirst_ && dispatch < networkFirst_;
  return embeds ? all * selection_.rows / executable_->desc(conditioning_).n : all;
}

std::uint32_t Lanes::runs(std::uint32_t dispatch, std::uint32_t evaluations) const {
  if (dispatch < embeddingFirst_) return 1;
  if (dispatch < networkFirst_) return (evaluations + kEmbeddedSteps - 1) / kEmbeddedSteps;
  if (shape_.precision != Precision::Mixed) return evaluations;
  const std::uint32_t halves = std::min(evaluations, 2u);  // the first and the last
  return dispatch < bytesFirst_ ? halves : evaluations - halves;
}

std::uint32_t Lanes::mostRuns(std::uint32_t dispatch, std::uint32_t evaluations) const {
  const bool waits = shape_.precision == Precision::Mixed && shape_.lanes > 1;
  return waits && dispatch >= networkFirst_ ? evaluations : runs(dispatch, evaluations);
}

GivenState Lanes::givenState(const models::Network& network, const LaneShape& shape, const StepPlan& plan,
                             const NoiseWalk& walk, std::span<const float> x0) {
  TensorDesc desc{1, shape.height, shape.width, network.info().inChannels, DataType::F32};
  const ModelCall& first = plan.calls.at(0);
  const std::size_t area = std::size_t{shape.width} * shape.height;
  std::vector<float> noise(area * desc.stride());
  fillNoise(walk, {0, 0, shape.width, shape.height}, desc.c, desc.stride(), noise);
  std::vector<float> x(area * desc.c), input(x.size());
  for (std::size_t c = 0; c < desc.c; ++c) {
    for (std::size_t i = 0; i < area; ++i) {
      const std::size_t at = c * area + i;
      x[at] = static_cast<float>(first.alpha) * x0[at] + static_cast<float>(first.sigma) * noise[i * desc.stride() + c];
      input[at] = static_cast<float>(first.inputScale) * x[at];
    }
  }
  GivenState state;
  state.x = graph::packNchw(x, desc);
  desc.type = storageOf(shape.precision);
  state.modelInput = graph::packNchw(input, desc);
  return state;
}

void Lanes::recordGivenState(VkCommandBuffer commands, std::uint32_t lane, const vk::Buffer& source) const {
  const std::uint64_t xBytes = executable_->desc(state_.x).bytes() / shape_.lanes;
  const TensorDesc& input = executable_->desc(state_.modelInput);
  const std::uint64_t inputBytes = input.bytes() / input.n;
  executable_->copyIn(commands, source, 0, state_.x, lane * xBytes, xBytes);
  executable_->copyIn(commands, source, xBytes, state_.modelInput, lane * inputBytes, inputBytes);
  if (shape_.guided)
    executable_->copyIn(commands, source, xBytes, state_.modelInput, (shape_.lanes + lane) * inputBytes, inputBytes);
}

std::uint32_t Lanes::advance() {
  // One that waited is behind the rows that were made for it.
  bool waited = false;
  std::uint32_t advanced = 0;
  for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
    if (takesPart(lane)) {
      ++lanes_[lane]->call;
      ++advanced;
    } else {
      waited = waited || evaluates(lane);
    }
  }
  selection_.view = waited ? 0 : (selection_.view + 1) % kEmbeddedSteps;
  return advanced;
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
