#include "quantize/magnitude_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace rivulet::quantize {
namespace {

double squaredError(const std::vector<float>& values, double step) {
  double sum = 0;
  for (const float v : values) {
    const double q = step * std::clamp(std::nearbyint(double{v} / step), -127.0, 127.0);
    sum += (double{v} - q) * (double{v} - q);
  }
  return sum;
}

TEST(MagnitudeHistogram, TheStepIsNearlyTheBestThereIs) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const float tail : {0.0f, 5.0f, 40.0f}) {
    std::vector<float> values(20000);
    for (float& v : values) v = 0.3f * normal(random);
    for (std::size_t i = 0; i < values.size(); i += 500) values[i] *= 1 + tail;  // a few are much larger
    MagnitudeHistogram histogram;
    histogram.add(values);
    EXPECT_EQ(histogram.count(), values.size());
    double least = INFINITY;
    for (double step = 1e-4; step < 0.3; step *= 1.01) least = std::min(least, squaredError(values, step));
    EXPECT_LE(squaredError(values, double{histogram.bestScale()}), 1.1 * least) << "tail " << tail;
  }
}

TEST(MagnitudeHistogram, ZerosAndWhatIsNotFinite) {
  MagnitudeHistogram histogram;
  EXPECT_EQ(histogram.bestScale(), 0);
  histogram.add(std::vector<float>{0, -0.0f});
  EXPECT_EQ(histogram.bestScale(), 0);
  histogram.add(std::vector<float>{NAN, INFINITY, -2.54f});
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_FLOAT_EQ(histogram.largest(), 2.54f);
  EXPECT_NEAR(histogram.bestScale(), 0.02f, 1e-3f);
  MagnitudeHistogram extremes;
  extremes.add(std::vector<float>{std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()});
  EXPECT_TRUE(std::isfinite(extremes.bestScale()));
  EXPECT_GT(extremes.bestScale(), 0);
}

}  // namespace
}  // namespace rivulet::quantize
