#include "engine/cost_model.h"

#include <gtest/gtest.h>

#include <array>

namespace rivulet::engine {
namespace {

TEST(CostModel, GuessesUntilItMeasures) {
  CostModel model({10, 20});
  EXPECT_DOUBLE_EQ(model.cost(0), 10);
  EXPECT_DOUBLE_EQ(model.total(), 30);
  for (int i = 0; i < 50; ++i) model.measured(0, 40);
  EXPECT_NEAR(model.cost(0), 40, 1);
  EXPECT_GT(model.cost(1), 20) << "the guess of one was too low, so the other's is corrected";
}

TEST(CostModel, AFirstRunThatCompilesIsForgotten) {
  CostModel model({10});
  model.measured(0, 100000);
  model.measured(0, 30);
  EXPECT_NEAR(model.cost(0), 30, 1);
}

TEST(CostModel, FollowsALoadThatChanges) {
  CostModel model({10});
  for (int i = 0; i < 20; ++i) model.measured(0, 100);
  for (int i = 0; i < 25; ++i) model.measured(0, 300);
  EXPECT_NEAR(model.cost(0), 300, 45);
  for (int i = 0; i < 40; ++i) model.measured(0, 50);
  EXPECT_NEAR(model.cost(0), 50, 15);
}

TEST(CostModel, AnOutlierCountsLittle) {
  CostModel model({10});
  for (int i = 0; i < 30; ++i) model.measured(0, 100);
  model.measured(0, 4000);
  EXPECT_LT(model.cost(0), 120);
  for (int i = 0; i < 10; ++i) model.measured(0, 100);
  EXPECT_NEAR(model.cost(0), 100, 5);
}

TEST(CostModel, MeasurementsThatVaryGetAMargin) {
  CostModel steady({10}), unsteady({10});
  for (int i = 0; i < 100; ++i) {
    steady.measured(0, 100);
    unsteady.measured(0, i % 2 == 0 ? 50 : 150);
  }
  EXPECT_GT(unsteady.cost(0), steady.cost(0) + 10);
}

TEST(CostModel, NonsenseIsIgnored) {
  CostModel model({10});
  model.measured(0, -1);
  model.measured(0, 0.0 / 0.0 * 1);
  EXPECT_DOUBLE_EQ(model.cost(0), 10);
}

TEST(CostModel, WithoutTimestampsATotalIsSharedOut) {
  CostModel model({10, 30});
  const std::array<CostShare, 2> shares = {{{0, 1}, {1, 1}}};
  for (int i = 0; i < 60; ++i) model.measuredTogether(shares, 400);
  EXPECT_NEAR(model.cost(0), 100, 5);
  EXPECT_NEAR(model.cost(1), 300, 15);
}

TEST(CostModel, PartsStandForTheirShareOfTheWhole) {
  CostModel model({10, 10});
  for (int i = 0; i < 200; ++i) model.measured(0, 50, 0.25);
  EXPECT_NEAR(model.cost(0), 200, 1);
  const std::array<CostShare, 2> shares = {{{0, 0.5}, {1, 1}}};
  for (int i = 0; i < 200; ++i) model.measuredTogether(shares, 400);
  EXPECT_NEAR(0.5 * model.cost(0) + model.cost(1), 400, 5);
}

}  // namespace
}  // namespace rivulet::engine
