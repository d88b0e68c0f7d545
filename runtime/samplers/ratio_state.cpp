#include "samplers/ratio_state.h"

#include <cmath>

#include "samplers/noise_grid.h"

namespace rivulet {

std::vector<double> ratios(const NoiseGrid& grid) {
  std::vector<double> values;
  for (const NoiseLevel& level : grid) values.push_back(level.sigma / level.alpha);
  return values;
}

double initialRatioScale(const SamplerConfig& config, const NoiseGrid& grid) {
  const double first = grid.front().sigma / grid.front().alpha;
  return config.spacing == TimestepSpacing::Leading ? std::sqrt(first * first + 1.0) : first;
}

ModelCall beginRatioCall(const SamplerConfig& config, const NoiseLevel& from, const NoiseLevel& to) {
  ModelCall call = beginCall(config, from, to);
  call.inputScale = from.alpha;
  call.p *= from.alpha;
  call.alpha = 1.0;
  call.sigma = from.sigma / from.alpha;
  return call;
}

}  // namespace rivulet
