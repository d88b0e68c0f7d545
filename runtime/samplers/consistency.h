#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Multistep consistency sampling without boundary scalings, for any network that predicts x_0 well in one evaluation:
/// predict x_0, add fresh noise of the next level. Song et al., "Consistency models", ICML 2023, algorithm 1. VP and
/// flow processes. Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan consistencyPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
