#include "samplers/flow_heun.h"

#include "samplers/noise_grid.h"
#include "samplers/sigma_walk.h"

namespace rivulet {

StepPlan flowHeunPlan(const SamplerConfig& config, int steps) {
  requireFlow(config, "heun");
  const NoiseGrid grid = flowGrid(config, steps);
  std::vector<double> times;
  for (const NoiseLevel& level : grid) times.push_back(level.sigma);
  StepPlan plan{config.sampler, 1.0, {}};
  plan.calls = heunWalk(times, [&](std::size_t i) { return beginCall(config, grid[i], grid[i + 1]); });
  validate(plan);
  return plan;
}

}  // namespace rivulet
