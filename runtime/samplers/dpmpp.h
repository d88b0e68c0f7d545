#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// DPM-Solver++ multistep, data prediction, orders 1 to 3 (config.order): Lu et al., "DPM-Solver++", 2022, algorithm 2
/// and appendix B; order 2 in its midpoint or Heun form. Starts with lower orders, and ends with them as diffusers
/// does. VP and flow processes. Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan dpmppPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
