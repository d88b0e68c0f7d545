#include "samplers/consistency.h"

#include "samplers/noise_grid.h"

namespace rivulet {

StepPlan consistencyPlan(const SamplerConfig& config, int steps) {
  const NoiseGrid grid = ancestralGrid(config, steps);
  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    ModelCall call = beginCall(config, grid[i], grid[i + 1]);
    call.next.b = grid[i + 1].alpha;
    if (grid[i + 1].sigma > 0.0) {
      call.next.e = grid[i + 1].sigma;
      call.noiseStep = static_cast<int>(i);
    }
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
