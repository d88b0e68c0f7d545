#pragma once
// Euler and Heun on a grid whose state obeys dx/dsigma = (x - x_0) / sigma. That holds for the state x / alpha in
// sigma / alpha on a VP process (Karras et al., NeurIPS 2022, equation 4 with s = 1) and for x in t on the linear path,
// so one walk serves both; only how a call begins differs.

#include <functional>

#include "samplers/step_plan.h"
#include "schedules/noise_level.h"

namespace rivulet {

/// The call at grid[i]; fills everything but the step.
using BeginWalkCall = std::function<ModelCall(std::size_t i)>;

/// n evaluations over `sigmas` (n + 1 values, the last may be 0).
std::vector<ModelCall> eulerWalk(const std::vector<double>& sigmas, const BeginWalkCall& begin);

/// 2 n - 1 evaluations: each step but the last is redone with the mean of the slopes at both ends.
std::vector<ModelCall> heunWalk(const std::vector<double>& sigmas, const BeginWalkCall& begin);

}  // namespace rivulet
