#pragma once
// A VP process seen through the state y = x / alpha = x_0 + (sigma / alpha) eps, which explodes instead of preserving
// its variance: where Euler and Heun have no curvature from the schedule (Karras et al., NeurIPS 2022, section 3).

#include <vector>

#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"
#include "schedules/noise_level.h"

namespace rivulet {

/// sigma / alpha of each level.
std::vector<double> ratios(const NoiseGrid& grid);

/// Standard deviation of the initial state: the first ratio, or with leading spacing (which starts below pure noise)
/// sqrt(ratio^2 + 1). diffusers' init_noise_sigma.
double initialRatioScale(const SamplerConfig& config, const NoiseGrid& grid);

/// beginCall for the state y: the network sees alpha y.
ModelCall beginRatioCall(const SamplerConfig& config, const NoiseLevel& from, const NoiseLevel& to);

}  // namespace rivulet
