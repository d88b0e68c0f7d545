#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// The deterministic DDIM walk upward, from an image to its noise: Song, Meng, Ermon, ICLR 2021, section 4.3. The state
/// starts as the image. Each step undoes one of ddim with the same configuration. On VP the network is told the level
/// the step goes *to*, as ddim told it there (and as diffusers' DDIMInverseScheduler does). VP and flow processes.
/// Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan ddimInversionPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
