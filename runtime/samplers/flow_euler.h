#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Euler's method along the flow: x_s = x_t + (s - t) u. Liu, Gong, Liu, ICLR 2023. Flow processes.
/// Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan flowEulerPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
