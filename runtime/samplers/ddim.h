#pragma once
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet {

/// Denoising diffusion implicit models: Song, Meng, Ermon, ICLR 2021, equations 12 and 16. eta = 0 is the deterministic
/// walk, eta = 1 has the noise of ddpm. VP and flow processes.
/// Throws InvalidArgument for a configuration it cannot serve. Thread-safe.
StepPlan ddimPlan(const SamplerConfig& config, int steps);

}  // namespace rivulet
