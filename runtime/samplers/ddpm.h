#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Ancestral sampling: draws from the posterior q(x_s | x_t, x_0) with the predicted x_0. Ho, Jain, Abbeel, NeurIPS
/// 2020, equations 6 and 7; written for any (alpha, sigma) as in Kingma et al., "Variational diffusion models", NeurIPS
/// 2021, appendix A. VP and flow processes. Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan ddpmPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
