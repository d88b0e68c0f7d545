#pragma once
// The two kernels of a sampler as ops: the noise it starts from, and one step of a StepPlan for every lane of the batch
// (shaders/sampling/noise.comp, step.comp). What a step computes is written at the top of shared/step_params.h.
//
// Lanes are independent: each has its own StepParams, may run another plan or be at another step of it, and one whose
// RVL_STEP_ACTIVE is clear keeps every byte of its state.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/noise_walk.h"
#include "graph/graph.h"
#include "samplers/step_params.h"
#include "samplers/step_plan.h"

namespace rivulet::engine {

/// The tensors of N lanes between two network evaluations. All are persistent; a new arena's contents are undefined,
/// and stay so until the first initialNoise of a lane (saved and history: until a step writes them).
struct SamplerState {
  graph::Tensor initialParams;  // [2N,1,1,32] float: a StepParams per lane, for initialNoise (initialNoiseParams), and
                                // N more for those with RVL_STEP_NOISE_PAIR
  graph::Tensor stepParams;     // [N,1,1,32] float: a StepParams per lane, for sampleStep (toStepParams)
  graph::Tensor x;              // [N,H,W,C] float
  graph::Tensor saved;          // [N,H,W,C] float, or empty: no plan saves
  std::array<graph::Tensor, kHistoryDepth> history;  // [N,H,W,C] float, the ring's physical buffers, or all empty
  graph::Tensor modelInput;  // [N or 2N,H,W,C] storage type: what the network reads; the second N are unconditional
  graph::Tensor x0;          // [N,H,W,C] float, or empty: the prediction of each step, for previews
  graph::Tensor noise;       // [N,H,W,C] float, or empty: noise for lanes with RVL_STEP_NOISE_BUFFER
};

struct SamplerShape {
  std::uint32_t lanes = 1, height = 0, width = 0, channels = 3;
  bool guided = false;                                             // the network runs 2N rows
  bool saved = false, history = false, x0 = false, noise = false;  // which of the optional tensors
};

/// Adds the tensors to the graph, named "sampler.*". Errors: InvalidArgument (empty shape).
SamplerState samplerState(graph::Graph& graph, const SamplerShape& shape);

/// For every active lane: x = e * noise (of two seeds with RVL_STEP_NOISE_PAIR), modelInput = nextInputScale * x, from
/// `initialParams`.
/// Errors: InvalidArgument naming the tensor and the shapes.
void initialNoise(graph::Graph& graph, const SamplerState& state);

/// For every active lane: the step of `stepParams`, with the network's output [N or 2N,H,W,C or 2C] in storage type
/// (2C: learned variance). A lane that saves, pushes or reads what `state` has no tensor for does so without effect
/// (reads give 0). Errors: InvalidArgument naming the tensor and the shapes.
void sampleStep(graph::Graph& graph, const SamplerState& state, graph::Tensor modelOutput);

/// Parameters of initialNoise for a lane that starts `plan`. Errors: InvalidArgument (a plan without calls).
/// Thread-safe.
StepParams initialNoiseParams(const StepPlan& plan, const StepSlot& slot = {});

/// The same between two seeds: the lane's parameters, and those N lanes further on. At either end the noise is one
/// seed's, to the bit. The slot's own seed does not matter. Errors and thread-safety as above.
std::pair<StepParams, StepParams> initialNoiseParams(const StepPlan& plan, StepSlot slot, const NoiseWalk& walk);

/// The bytes of a params tensor, one StepParams per lane. Thread-safe.
std::vector<std::byte> packStepParams(std::span<const StepParams> lanes);

}  // namespace rivulet::engine
