#include "samplers/lcm.h"

#include <cmath>
#include <string>

#include "core/error.h"
#include "samplers/noise_grid.h"

namespace rivulet {

StepPlan lcmPlan(const SamplerConfig& config, int steps) {
  requireVp(config, "consistency");
  const DiscreteVp table = makeDiscreteVp(config.process, false);
  const int original = config.originalSteps;
  if (original < 1 || original > table.size()) {
    throw Error(ErrorCode::InvalidArgument, "original_inference_steps is " + std::to_string(original) +
                                                ", expected 1 to " + std::to_string(table.size()));
  }
  if (steps < 1 || steps > original) {
    throw Error(ErrorCode::InvalidArgument, "lcm: " + std::to_string(steps) + " steps, expected 1 to " +
                                                std::to_string(original) +
                                                ", the steps of the distillation (original_inference_steps)");
  }
  // Distillation times k = stride, 2 stride, ... less one; of these, noisiest first, evenly spaced indices.
  const int stride = table.size() / original;
  std::vector<NoiseLevel> levels;
  for (int i = 0; i < steps; ++i) {
    const int index = static_cast<int>(std::floor(i * (static_cast<double>(original) / steps)));
    const int k = (original - index) * stride - 1;
    levels.push_back(table.at(k));
    levels.back().timestep = vpTimestep(config.process, k);
  }
  levels.push_back({0.0, 1.0, 0.0, 0.0});

  StepPlan plan{config.sampler, 1.0, {}};
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const NoiseLevel &t = levels[i], &s = levels[i + 1];
    ModelCall call = beginCall(config, t, s);
    // The consistency function c_skip x + c_out x_0 is the identity at time 0; sigma_data = 1/2.
    const double k = std::round(t.t * table.size()) - 1.0;
    const double scaled = k * config.timestepScaling, data = 0.5;
    const double skip = data * data / (scaled * scaled + data * data);
    const double out = scaled / std::sqrt(scaled * scaled + data * data);
    call.next.a = s.alpha * skip;
    call.next.b = s.alpha * out;
    if (s.sigma > 0.0) {
      call.next.e = s.sigma;
      call.noiseStep = static_cast<int>(i);
    }
    plan.calls.push_back(call);
  }
  validate(plan);
  return plan;
}

}  // namespace rivulet
