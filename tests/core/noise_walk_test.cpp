#include "core/noise_walk.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rivulet {
namespace {

constexpr NoiseRegion kRegion{-5, 3, 64, 64};

std::vector<float> at(float blend) {
  std::vector<float> noise(std::size_t{64} * 64 * 3);
  fillNoise(NoiseWalk{11, 12, blend}, kRegion, 3, 3, noise);
  return noise;
}

std::vector<float> of(std::uint64_t seed) {
  std::vector<float> noise(std::size_t{64} * 64 * 3);
  fillNoise(NoiseKey{seed, NoiseStream::Initial, 0}, kRegion, 3, 3, noise);
  return noise;
}

TEST(NoiseWalk, EndsAreTheSeedsThemselves) {
  EXPECT_EQ(at(0), of(11));
  EXPECT_EQ(at(1), of(12));
}

TEST(NoiseWalk, IsNoiseEverywhereOnTheWay) {
  for (const float blend : {0.1f, 0.25f, 0.5f, 0.9f}) {
    const NoiseWeights weights = noiseWeights(blend);
    EXPECT_NEAR(weights.first * weights.first + weights.second * weights.second, 1, 1e-12);
    double sum = 0, squares = 0;
    const std::vector<float> noise = at(blend);
    for (const float v : noise) {
      sum += static_cast<double>(v);
      squares += static_cast<double>(v) * static_cast<double>(v);
    }
    const auto count = static_cast<double>(noise.size());
    EXPECT_NEAR(sum / count, 0, 4 / std::sqrt(count));
    EXPECT_NEAR(squares / count, 1, 4 * std::sqrt(2 / count)) << blend;
  }
}

TEST(NoiseWalk, SmallStepsChangeLittle) {
  const std::vector<float> here = at(0.5f), there = at(0.52f);
  double difference = 0;
  for (std::size_t i = 0; i < here.size(); ++i)
    difference += std::pow(static_cast<double>(here[i]) - static_cast<double>(there[i]), 2);
  // A circle of radius 1 is walked: the angle.
  EXPECT_NEAR(std::sqrt(difference / static_cast<double>(here.size())), 0.02 * 1.5708, 0.002);
}

}  // namespace
}  // namespace rivulet
