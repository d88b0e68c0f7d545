#include "core/noise_walk.h"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace rivulet {

NoiseWeights noiseWeights(float blend) {
  if (blend <= 0) return {1, 0};
  if (blend >= 1) return {0, 1};  // the cosine of a rounded right angle is not 0
  const double angle = static_cast<double>(blend) * (std::numbers::pi / 2);
  return {std::cos(angle), std::sin(angle)};
}

void fillNoise(const NoiseWalk& walk, const NoiseRegion& region, std::size_t channels, std::size_t stride,
               std::span<float> out) {
  const NoiseWeights weights = noiseWeights(walk.blend);
  fillNoise(NoiseKey{weights.first > 0 ? walk.seed : walk.second, NoiseStream::Initial, 0}, region, channels, stride,
            out);
  if (weights.first == 0 || weights.second == 0) return;
  std::vector<float> other(out.size());
  fillNoise(NoiseKey{walk.second, NoiseStream::Initial, 0}, region, channels, stride, other);
  const auto first = static_cast<float>(weights.first), second = static_cast<float>(weights.second);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = first * out[i] + second * other[i];
}

}  // namespace rivulet
