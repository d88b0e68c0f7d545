#include "engine/sampling_ops.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/philox.h"

namespace rivulet::engine {
namespace {

using graph::Tensor;

constexpr std::uint32_t kStepLocal = 64;
constexpr std::uint32_t kParamWords = sizeof(StepParams) / sizeof(float);
constexpr std::uint32_t kMaxRow = 1u << 21;  // shaders/shared/divide.glsl

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::InvalidArgument, "sampler: " + why);
}

void require(const graph::Graph& graph, Tensor tensor, const TensorDesc& want) {
  if (tensor && graph.desc(tensor) != want) {
    refuse("'" + graph.name(tensor) + "' is " + toString(graph.desc(tensor)) + ", it must be " + toString(want));
  }
}

struct Shape {
  TensorDesc state;
  bool guided = false;
};

/// Checks what both kernels use.
Shape check(const graph::Graph& graph, const SamplerState& s, Tensor params, std::uint32_t paramsPerLane) {
  if (!s.x || !s.modelInput || !params) refuse("x, modelInput and the parameters are needed");
  Shape shape;
  shape.state = graph.desc(s.x);
  const TensorDesc& x = shape.state;
  if (x.type != DataType::F32) refuse("'" + graph.name(s.x) + "' is " + toString(x) + ", it must be f32");
  if (std::uint64_t{x.w} * (x.stride() / 4) > kMaxRow) {
    refuse("a row of " + toString(x) + " has more than " + std::to_string(kMaxRow * 4) + " elements");
  }
  for (const Tensor tensor : {s.saved, s.history[0], s.history[1], s.history[2], s.x0, s.noise}) {
    require(graph, tensor, x);
  }
  if (static_cast<bool>(s.history[0]) != static_cast<bool>(s.history[1]) ||
      static_cast<bool>(s.history[0]) != static_cast<bool>(s.history[2])) {
    refuse("the history is a ring of three tensors: all or none");
  }
  require(graph, params, {paramsPerLane * x.n, 1, 1, kParamWords, DataType::F32});
  TensorDesc input = x;
  input.type = graph.storage();
  shape.guided = graph.desc(s.modelInput).n == 2 * x.n;
  if (shape.guided) input.n = 2 * x.n;
  require(graph, s.modelInput, input);
  return shape;
}

graph::Dispatch makeDispatch(const graph::Graph& graph, const char* name, const TensorDesc& x) {
  graph::Dispatch dispatch;
  dispatch.name = std::string("sampler.") + name;
  dispatch.op = std::string(name) + " " + std::to_string(x.w) + "x" + std::to_string(x.h);
  dispatch.kernel = {graph.shader(std::string("sampling/") + name), {}};
  const std::uint32_t row = x.w * (x.stride() / 4);
  dispatch.groups = {(row + kStepLocal - 1) / kStepLocal, std::min(x.h, graph.caps().maxWorkgroupCount[1]), x.n};
  return dispatch;
}

}  // namespace

SamplerState samplerState(graph::Graph& graph, const SamplerShape& shape) {
  const TensorDesc state{shape.lanes, shape.height, shape.width, shape.channels, DataType::F32};
  const TensorDesc params{shape.lanes, 1, 1, kParamWords, DataType::F32};
  TensorDesc input = state;
  input.n = shape.guided ? 2 * shape.lanes : shape.lanes;
  input.type = graph.storage();

  SamplerState s;
  TensorDesc pairs = params;
  pairs.n = 2 * params.n;
  s.initialParams = graph.persistent(pairs, "sampler.initial_params");
  s.stepParams = graph.persistent(params, "sampler.step_params");
  s.x = graph.persistent(state, "sampler.x");
  s.modelInput = graph.persistent(input, "sampler.model_input");
  if (shape.saved) s.saved = graph.persistent(state, "sampler.saved");
  if (shape.history) {
    for (std::size_t i = 0; i < kHistoryDepth; ++i) {
      s.history[i] = graph.persistent(state, "sampler.history" + std::to_string(i));
    }
  }
  if (shape.x0) s.x0 = graph.persistent(state, "sampler.x0");
  if (shape.noise) s.noise = graph.persistent(state, "sampler.noise");
  return s;
}

void initialNoise(graph::Graph& graph, const SamplerState& s) {
  const Shape shape = check(graph, s, s.initialParams, 2);
  const TensorDesc& x = shape.state;
  graph::Dispatch dispatch = makeDispatch(graph, "noise", x);
  const std::uint32_t quads = x.stride() / 4;
  dispatch.push.offset(s.initialParams).offset(s.x).offset(s.modelInput).offset(s.noise);
  dispatch.push.word(x.w).word(x.h).word(x.c).word(quads).word(x.h * x.w * quads).word(x.n);
  dispatch.push.word(shape.guided ? 1 : 0).word(s.noise ? ~0u : ~RVL_STEP_NOISE_BUFFER);
  dispatch.push.word(dispatch.groups[1]);
  dispatch.reads = {s.initialParams};
  if (s.noise) dispatch.reads.push_back(s.noise);
  dispatch.writes = {s.x, s.modelInput};
  dispatch.bytes = x.bytes() + graph.desc(s.modelInput).bytes();
  graph.dispatch(std::move(dispatch));
}

void sampleStep(graph::Graph& graph, const SamplerState& s, Tensor modelOutput) {
  const Shape shape = check(graph, s, s.stepParams, 1);
  const TensorDesc& x = shape.state;
  const TensorDesc output = graph.desc(modelOutput);
  TensorDesc want = graph.desc(s.modelInput);
  if (output.c == 2 * want.c) want.c = output.c;  // learned variance
  require(graph, modelOutput, want);

  // What lanes may not do for want of a tensor.
  std::uint32_t allowed = ~0u;
  if (!s.saved) allowed &= ~(RVL_STEP_SAVE | RVL_STEP_READ_SAVED);
  if (!s.history[0]) {
    allowed &= ~(RVL_STEP_PUSH | RVL_STEP_READ_HISTORY0 | RVL_STEP_READ_HISTORY1 | RVL_STEP_READ_HISTORY2);
  }
  if (!s.noise) allowed &= ~RVL_STEP_NOISE_BUFFER;
  if (!shape.guided) allowed &= ~RVL_STEP_GUIDED;
  if (output.c == x.c) allowed &= ~RVL_STEP_LEARNED_VARIANCE;

  graph::Dispatch dispatch = makeDispatch(graph, "step", x);
  const std::uint32_t quads = x.stride() / 4;
  dispatch.push.offset(s.stepParams).offset(s.x).offset(s.saved);
  for (const Tensor history : s.history) dispatch.push.offset(history);
  dispatch.push.offset(modelOutput).offset(s.modelInput).offset(s.x0).offset(s.noise);
  dispatch.push.word(x.w).word(x.h).word(x.c).word(quads).word(x.h * x.w * quads).word(x.n);
  dispatch.push.word(shape.guided ? 1 : 0).word(output.stride()).word(s.x0 ? 1 : 0).word(allowed);
  dispatch.push.word(dispatch.groups[1]);
  dispatch.reads = {s.stepParams, s.x, modelOutput};
  dispatch.writes = {s.x, s.modelInput};
  for (const Tensor tensor : {s.saved, s.history[0], s.history[1], s.history[2]}) {
    if (!tensor) continue;
    dispatch.reads.push_back(tensor);
    dispatch.writes.push_back(tensor);
  }
  if (s.noise) dispatch.reads.push_back(s.noise);
  if (s.x0) dispatch.writes.push_back(s.x0);
  dispatch.multiplyAdds = x.pixels() * x.c * 4;
  dispatch.bytes = 2 * x.bytes() + output.bytes() + graph.desc(s.modelInput).bytes();
  graph.dispatch(std::move(dispatch));
}

StepParams initialNoiseParams(const StepPlan& plan, const StepSlot& slot) {
  StepParams params = toStepParams(plan, 0, slot);
  const float inputScale = params.inputScale;
  params.e = static_cast<float>(plan.initialNoiseScale);
  params.nextInputScale = inputScale;
  params.flags = RVL_STEP_ACTIVE | RVL_STEP_NOISE | (slot.noiseFromBuffer ? RVL_STEP_NOISE_BUFFER : 0u);
  params.seedLow = static_cast<std::uint32_t>(slot.seed);
  params.seedHigh = static_cast<std::uint32_t>(slot.seed >> 32);
  params.noiseStream = static_cast<std::uint32_t>(NoiseStream::Initial);
  params.noiseStep = 0;
  params.originX = slot.originX;
  params.originY = slot.originY;
  return params;
}

std::pair<StepParams, StepParams> initialNoiseParams(const StepPlan& plan, StepSlot slot, const NoiseWalk& walk) {
  const NoiseWeights weights = noiseWeights(walk.blend);
  slot.seed = weights.first > 0 ? walk.seed : walk.second;
  StepParams first = initialNoiseParams(plan, slot);
  if (weights.first == 0 || weights.second == 0) return {first, {}};
  slot.seed = walk.second;
  StepParams second = initialNoiseParams(plan, slot);
  first.e = static_cast<float>(plan.initialNoiseScale * weights.first);
  second.e = static_cast<float>(plan.initialNoiseScale * weights.second);
  first.flags |= RVL_STEP_NOISE_PAIR;
  return {first, second};
}

std::vector<std::byte> packStepParams(std::span<const StepParams> lanes) {
  std::vector<std::byte> bytes(lanes.size_bytes());
  std::memcpy(bytes.data(), lanes.data(), bytes.size());
  return bytes;
}

}  // namespace rivulet::engine
