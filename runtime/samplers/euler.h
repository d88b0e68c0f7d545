#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Euler's method in sigma / alpha: Karras et al., NeurIPS 2022, algorithm 1 without the second half. The state is
/// x / alpha, the network sees alpha times it. VP processes.
/// Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan eulerPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
