#include "samplers/ddim_inversion.h"

#include <algorithm>
#include <cmath>

#include "samplers/noise_grid.h"

namespace rivulet {

StepPlan ddimInversionPlan(const SamplerConfig& config, int steps) {
  // ddim's steps, taken backwards.
  const NoiseGrid grid = ancestralGrid(config, steps);
  std::vector<NoiseLevel> from = ddimTargets(config, grid, steps);
  std::vector<NoiseLevel> to(grid.begin(), grid.end() - 1);
  std::reverse(from.begin(), from.end());
  std::reverse(to.begin(), to.end());
  if (!config.process.isFlow()) {
    for (std::size_t i = 0; i < from.size(); ++i) from[i].timestep = to[i].timestep;
  }
  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i < to.size(); ++i) {
    // x_s = alpha_s x_0 + sigma_s eps, with eps from the output: at clean data x_0 = x holds no trace of it.
    ModelCall call = beginCall(config, from[i], to[i]);
    const OutputMap eps = noiseFromOutput(config.prediction, from[i].alpha, from[i].sigma);
    call.next.a = to[i].sigma * eps.x;
    call.next.b = to[i].alpha;
    call.next.f = to[i].sigma * eps.m;
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
