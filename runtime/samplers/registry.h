#pragma once
// Samplers by name.

#include <string_view>
#include <vector>

#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// All names, in the order they are listed to users: ddpm, ddim, ddim_inversion, dpmpp_2m, dpmpp_3m, unipc, unipc_3,
/// euler, heun, flow_euler, flow_heun, lcm, consistency. Thread-safe.
std::vector<std::string_view> samplerNames();

/// Makes config.sampler the named one and gives the options that belong to the name (order, spacing of timesteps) their
/// usual values; process, prediction and clipping stay. Throws InvalidArgument with the list of names.
SamplerConfig withSampler(SamplerConfig config, std::string_view name);

/// The plan of `config.sampler` with `steps` steps (Heun makes 2 steps - 1 calls). Throws InvalidArgument with the list
/// of names for an unknown one, or saying what is wrong for a combination that cannot be. Thread-safe.
StepPlan makeStepPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
