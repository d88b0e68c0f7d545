#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Multistep consistency sampling of latent consistency models: predict x_0, add fresh noise of the next level. Song et
/// al., "Consistency models", ICML 2023, algorithm 1; Luo et al., "Latent consistency models", 2023, with c_skip and
/// c_out of its section 4.1 and timesteps drawn from config.originalSteps distillation times. VP processes. Throws
/// InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan lcmPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
