#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Heun's method along the flow; two evaluations a step but the last. Flow processes.
/// Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan flowHeunPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
