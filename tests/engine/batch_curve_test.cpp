#include "engine/batch_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace rivulet::engine {
namespace {

/// 1 to `most`.
std::vector<std::uint32_t> upTo(std::uint32_t most) {
  std::vector<std::uint32_t> sizes(most);
  std::iota(sizes.begin(), sizes.end(), 1u);
  return sizes;
}

const std::vector<std::uint32_t> kPowers{1, 2, 4, 8, 16, 32};

/// With `time` measured at powers of two up to `most`.
template <class Time>
BatchCurve curveOf(Time&& time, std::uint32_t most = 32) {
  BatchCurve curve;
  for (std::uint32_t lanes = 1; lanes <= most; lanes *= 2) curve.measured(lanes, time(lanes));
  return curve;
}

TEST(BatchCurve, TakesUpToFourLanesBeforeAnythingIsKnown) {
  const BatchCurve curve;
  EXPECT_TRUE(curve.empty());
  EXPECT_EQ(curve.best(1, upTo(16)), 1u);
  EXPECT_EQ(curve.best(2, upTo(16)), 2u);
  EXPECT_EQ(curve.best(3, upTo(16)), 3u);
  EXPECT_EQ(curve.best(100, upTo(16)), 4u);
  EXPECT_EQ(curve.best(100, kPowers), 4u);
  EXPECT_EQ(curve.best(5, upTo(16)), 3u) << "in two rounds, in which four lanes would be idle for longer";
}

TEST(BatchCurve, FlatMeansAsManyAsThereAre) {
  const BatchCurve curve = curveOf([](double) { return 1000; });
  for (const std::uint32_t requests : {1u, 2u, 5u, 13u, 32u})
    EXPECT_EQ(curve.best(requests, upTo(32)), requests) << "one round, and no more lanes than it takes";
  EXPECT_EQ(curve.best(1000, kPowers), 32u);
}

TEST(BatchCurve, LinearMeansOne) {
  const BatchCurve curve = curveOf([](double lanes) { return 1000 * lanes; });
  for (const std::uint32_t requests : {1u, 5u, 32u}) EXPECT_EQ(curve.best(requests, kPowers), 1u);
}

TEST(BatchCurve, AFixedCostIsShared) {
  // 11, 12, 14, 18, 26, 42: per texture 11, 6, 3.5, 2.25, 1.625, 1.3125.
  const BatchCurve curve = curveOf([](double lanes) { return 10 + lanes; });
  EXPECT_EQ(curve.best(1000, kPowers), 32u);
  EXPECT_EQ(curve.best(8, kPowers), 8u);
  EXPECT_EQ(curve.best(5, upTo(32)), 5u);
  EXPECT_NEAR(curve.microseconds(5), 15, 1e-9) << "between two that are measured";
}

TEST(BatchCurve, SaturatedMeansNoMoreThanFillsTheDevice) {
  const BatchCurve curve = curveOf([](double lanes) { return lanes <= 8 ? 1000 : 125 * lanes; });
  EXPECT_EQ(curve.best(1000, kPowers), 8u);
  EXPECT_EQ(curve.best(16, kPowers), 8u);
  EXPECT_EQ(curve.best(3, upTo(32)), 3u);
}

TEST(BatchCurve, DearerLargeBatchesAreLeft) {
  // As where a batch no longer fits a cache.
  const BatchCurve curve = curveOf([](double lanes) { return lanes <= 2 ? 500 + 500 * lanes : 1000 * lanes; });
  EXPECT_EQ(curve.best(64, kPowers), 2u);
  BatchCurve only;  // the same, with smaller ones unknown
  only.measured(4, 4000);
  only.measured(8, 12000);
  EXPECT_EQ(only.best(64, kPowers), 1u) << "to be measured next";
  EXPECT_GE(only.microseconds(1), 1000) << "not what a line through both would say";
}

TEST(BatchCurve, NoiseIsNoReason) {
  // Each 4 % cheaper a texture than the one before it is not: they are the same, as far as can be told.
  const double noise[] = {1.00, 0.98, 1.02, 0.96, 0.99, 0.97};
  const BatchCurve curve = curveOf([&](double lanes) { return 1000 * lanes * noise[std::lround(std::log2(lanes))]; });
  EXPECT_EQ(curve.best(1000, kPowers), 1u);
}

TEST(BatchCurve, WhatIsUntriedIsApproachedByDoubling) {
  BatchCurve curve;
  std::vector<std::uint32_t> taken;
  for (int call = 0; call < 8; ++call) {
    const std::uint32_t lanes = curve.best(64, upTo(32));
    if (taken.empty() || taken.back() != lanes) taken.push_back(lanes);
    curve.measured(lanes, 1000 + 20.0 * lanes);
  }
  EXPECT_EQ(taken, (std::vector<std::uint32_t>{4, 8, 16, 32}));
}

TEST(BatchCurve, WhatDoesNotHelpIsTriedOnce) {
  BatchCurve curve;
  std::vector<std::uint32_t> taken;
  for (int call = 0; call < 8; ++call) {
    taken.push_back(curve.best(64, kPowers));
    curve.measured(taken.back(), 1000.0 * taken.back());
  }
  EXPECT_EQ(taken, (std::vector<std::uint32_t>{4, 8, 1, 1, 1, 1, 1, 1}));
}

TEST(BatchCurve, TakesNoMoreThanItMay) {
  const BatchCurve curve = curveOf([](double) { return 1000; });
  EXPECT_EQ(curve.best(1000, upTo(3)), 3u) << "memory, or a limit, allows no more";
  EXPECT_EQ(curve.best(1000, std::vector<std::uint32_t>{6}), 6u);
  EXPECT_EQ(BatchCurve().best(1000, std::vector<std::uint32_t>{200}), 200u) << "and no less than it must";
  const BatchCurve small = curveOf([](double) { return 1000; }, 2);
  EXPECT_EQ(small.best(1000, std::vector<std::uint32_t>{16, 32}), 16u) << "all untried: the smallest";
  EXPECT_EQ(small.best(0, kPowers), 1u);
}

TEST(BatchCurve, WhatThereIsStaysUnlessAnotherGains) {
  // Per texture 106, 104, 100: eight lanes gain over one, two do not, though they are as good as eight.
  BatchCurve curve;
  curve.measured(1, 106);
  curve.measured(2, 208);
  curve.measured(8, 800);
  const std::vector<std::uint32_t> sizes{1, 2, 8};
  EXPECT_EQ(curve.best(64, sizes), 2u);
  EXPECT_EQ(curve.best(64, sizes, 1), 8u);
  EXPECT_EQ(curve.best(64, sizes, 2), 2u);
  EXPECT_EQ(curve.best(64, sizes, 8), 8u) << "nothing is gained by a smaller one";
  EXPECT_EQ(curve.best(1, sizes, 8), 1u);
}

TEST(BatchCurve, FollowsADeviceThatBecomesSlower) {
  BatchCurve curve;
  EXPECT_TRUE(curve.measured(4, 1000));
  EXPECT_FALSE(curve.measured(4, 1040)) << "that is noise";
  EXPECT_DOUBLE_EQ(curve.microseconds(4), 1010);
  EXPECT_TRUE(curve.measured(4, 3000));
  for (int i = 0; i < 20; ++i) curve.measured(4, 3000);
  EXPECT_NEAR(curve.microseconds(4), 3000, 10);
}

TEST(BatchCurve, IgnoresWhatIsNoMeasurement) {
  BatchCurve curve;
  for (const double microseconds : {0.0, -1.0, std::nan(""), HUGE_VAL})
    EXPECT_FALSE(curve.measured(4, microseconds)) << microseconds;
  EXPECT_FALSE(curve.measured(0, 10));
  EXPECT_FALSE(curve.measured(BatchCurve::kMostLanes + 1, 10));
  EXPECT_TRUE(curve.empty());
}

}  // namespace
}  // namespace rivulet::engine
