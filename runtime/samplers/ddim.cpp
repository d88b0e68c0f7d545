#include "samplers/ddim.h"

#include <cmath>
#include <string>

#include "core/error.h"
#include "samplers/noise_grid.h"

namespace rivulet {
StepPlan ddimPlan(const SamplerConfig& config, int steps) {
  if (!(config.eta >= 0.0 && config.eta <= 1.0)) {
    throw Error(ErrorCode::InvalidArgument, "ddim: eta is " + std::to_string(config.eta) + ", expected 0 to 1");
  }
  const NoiseGrid grid = ancestralGrid(config, steps);
  const std::vector<NoiseLevel> to = ddimTargets(config, grid, steps);
  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i < to.size(); ++i) {
    const NoiseLevel &t = grid[i], &s = to[i];
    ModelCall call = beginCall(config, t, s);
    const double ratio = t.alpha / s.alpha;
    const double posterior =
        s.sigma * s.sigma / (t.sigma * t.sigma) * (t.sigma * t.sigma - ratio * ratio * s.sigma * s.sigma);
    const double noise = config.eta * std::sqrt(std::max(posterior, 0.0));                 // equation 16
    const double direction = std::sqrt(std::max(s.sigma * s.sigma - noise * noise, 0.0));  // of eps, equation 12
    if (config.clip && !config.useClippedModelOutput) {
      // eps from the output and the state, not from the clipped x_0.
      const OutputMap eps = noiseFromOutput(config.prediction, t.alpha, t.sigma);
      call.next.a = direction * eps.x;
      call.next.b = s.alpha;
      call.next.f = direction * eps.m;
    } else {
      // eps = (x - alpha_t x_0) / sigma_t
      call.next.a = direction / t.sigma;
      call.next.b = s.alpha - t.alpha * direction / t.sigma;
    }
    if (config.eta > 0.0) {
      call.next.e = noise;
      call.noiseStep = static_cast<int>(i);
    }
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
