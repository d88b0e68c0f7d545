#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// UniPC, orders 1 to 3 (config.order), B(h) of kind bh1 or bh2: Zhao et al., "UniPC", NeurIPS 2023, algorithms 5 to 8.
/// The corrector of one step is folded into the predictor of the next, so a step costs one evaluation. VP and flow
/// processes. Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan unipcPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
