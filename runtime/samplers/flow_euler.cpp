#include "samplers/flow_euler.h"

#include "samplers/noise_grid.h"
#include "samplers/sigma_walk.h"

namespace rivulet {

StepPlan flowEulerPlan(const SamplerConfig& config, int steps) {
  requireFlow(config, "euler");
  const NoiseGrid grid = flowGrid(config, steps);
  std::vector<double> times;
  for (const NoiseLevel& level : grid) times.push_back(level.sigma);
  StepPlan plan{config.sampler, 1.0, {}};
  plan.calls = eulerWalk(times, [&](std::size_t i) { return beginCall(config, grid[i], grid[i + 1]); });
  validate(plan);
  return plan;
}

}  // namespace rivulet
