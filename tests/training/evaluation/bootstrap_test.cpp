// Draws keep units whole and strata apart; an interval of a mean is that of theory.
#include "training/evaluation/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "samples.h"

namespace rivulet::training {
namespace {

TEST(Bootstrap, DrawsWholeUnitsWithinTheirStrata) {
  const std::vector<int> units = {1, 1, 2, 3, 9, 9}, strata = {0, 0, 0, 0, 1, 1};
  const Bootstrap bootstrap(units, strata, 50, 3);
  const at::Tensor& w = bootstrap.weights();
  EXPECT_TRUE(at::equal(w.select(1, 0), w.select(1, 1)));
  EXPECT_TRUE(at::equal(w.select(1, 0) + w.select(1, 2) + w.select(1, 3), at::full({50}, 3.0, at::kDouble)));
  EXPECT_TRUE(at::equal(w.select(1, 4), at::ones({50}, at::kDouble)));  // alone in its stratum
  EXPECT_FALSE(at::equal(w.select(1, 0), at::ones({50}, at::kDouble)));
  EXPECT_TRUE(at::equal(w, Bootstrap(units, strata, 50, 3).weights()));
  EXPECT_FALSE(at::equal(w, Bootstrap(units, strata, 50, 4).weights()));
}

TEST(Bootstrap, IntervalOfAMeanIsThatOfTheory) {
  const at::Tensor values = normal({400}, 1).to(at::kDouble);
  const Bootstrap bootstrap = plainBootstrap(400, 2000);
  const Estimate e = bootstrap.around(values.mean().item<double>(), at::mv(bootstrap.weights(), values) / 400.0);
  EXPECT_NEAR(e.high - e.low, 2 * 1.96 / std::sqrt(400.0), 0.02);
  EXPECT_NEAR(0.5 * (e.low + e.high), e.value, 0.01);
}

TEST(Bootstrap, HasNoIntervalWithoutChoice) {
  const Bootstrap bootstrap({5, 5, 6}, {0, 0, 1}, 10, 1);
  const Estimate e = bootstrap.around(2.0, at::full({10}, 2.0, at::kDouble));
  EXPECT_EQ(e.value, 2.0);
  EXPECT_TRUE(std::isnan(e.low) && std::isnan(e.high));
}

TEST(Bootstrap, LeavesOutDrawsThatAreNotFinite) {
  at::Tensor drawn = at::arange(10, at::kDouble);
  drawn[0] = std::nan("");
  const Estimate e = plainBootstrap(3).around(5, drawn);
  EXPECT_NEAR(e.low, 5 - 4 + 8 * 0.025, 1e-9);
  EXPECT_NEAR(e.high, 5 + 4 - 8 * 0.025, 1e-9);
}

}  // namespace
}  // namespace rivulet::training
