#pragma once
// The step kernel on the CPU: the reference that sampling/step.comp is compared with, and what the sampler tests run.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "samplers/step_plan.h"
#include "shared/step_params.h"

namespace rivulet {

/// The state of one image between two calls; owns its arrays. history holds the ring's *physical* buffers.
struct StepState {
  std::vector<float> x;
  std::vector<float> saved;
  std::array<std::vector<float>, kHistoryDepth> history;
};

/// Network output, channels last: [texels][stride]. Channel c of the image is channel c of the output; with learned
/// variance, channel channels + c holds its v. Borrowed for the call.
struct StepInput {
  std::size_t channels = 1;       // of the image
  std::size_t stride = 1;         // floats a texel in `model` and `uncond`
  std::span<const float> model;   // conditional output
  std::span<const float> uncond;  // read when RVL_STEP_GUIDED is set
  std::span<const float> noise;   // [texels][channels]; read when RVL_STEP_NOISE is set, whatever its source
};

/// Advances `state` (x laid out [texels][channels]; saved and history are sized on first use) by one step in float32,
/// in the term order of shared/step_params.h. Does nothing if RVL_STEP_ACTIVE is clear. Throws InvalidArgument, naming
/// the array, when a length does not fit. Thread-safe for distinct states.
void cpuStep(const StepParams& params, const StepInput& input, StepState& state);

}  // namespace rivulet
