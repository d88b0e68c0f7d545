#include "samplers/ddpm.h"

#include <algorithm>
#include <cmath>

#include "samplers/noise_grid.h"

namespace rivulet {

StepPlan ddpmPlan(const SamplerConfig& config, int steps) {
  const NoiseGrid grid = ancestralGrid(config, steps);
  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    const NoiseLevel &t = grid[i], &s = grid[i + 1];
    ModelCall call = beginCall(config, t, s);

    // q(x_t | x_s) = N(ratio x_s, beta); q(x_s | x_t, x_0) = N(a x_t + b x_0, beta sigma_s^2 / sigma_t^2).
    const double ratio = t.alpha / s.alpha;
    const double sigma2t = t.sigma * t.sigma, sigma2s = s.sigma * s.sigma;
    const double beta = sigma2t - ratio * ratio * sigma2s;
    call.next.a = ratio * sigma2s / sigma2t;
    call.next.b = s.alpha * beta / sigma2t;

    // Noise follows every call but that of timestep 0, so a VP walk that ends above it (trailing spacing) adds some,
    // as in diffusers: with fixed_small, 1e-10 of it.
    const bool noisy = config.process.isFlow() ? i + 2 < grid.size() : t.t * config.process.trainTimesteps > 1.5;
    if (noisy) {
      const double smallest = 1e-20;
      const double small = std::max(beta * sigma2s / sigma2t, smallest);
      call.noiseStep = static_cast<int>(i);
      switch (config.variance) {
        case VarianceType::FixedSmall:
          call.next.e = std::sqrt(small);
          break;
        case VarianceType::FixedLarge:
          call.next.e = std::sqrt(beta);
          break;
        case VarianceType::LearnedRange:
          call.next.e = 1.0;
          call.logVarianceMin = std::log(small);
          call.logVarianceMax = std::log(beta);
          break;
      }
    }
    call.learnedVariance = config.variance == VarianceType::LearnedRange;
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
