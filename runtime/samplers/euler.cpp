#include "samplers/euler.h"

#include "samplers/noise_grid.h"
#include "samplers/ratio_state.h"
#include "samplers/sigma_walk.h"

namespace rivulet {

StepPlan eulerPlan(const SamplerConfig& config, int steps) {
  requireVp(config, "flow_euler");
  const NoiseGrid grid = ratioGrid(config, steps);
  StepPlan plan{config.sampler, initialRatioScale(config, grid), {}};
  plan.calls = eulerWalk(ratios(grid), [&](std::size_t i) { return beginRatioCall(config, grid[i], grid[i + 1]); });
  validate(plan);
  return plan;
}

}  // namespace rivulet
