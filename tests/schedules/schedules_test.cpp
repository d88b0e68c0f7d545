#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "schedules/exponential.h"
#include "schedules/flow.h"
#include "schedules/karras.h"
#include "schedules/process.h"
#include "schedules/timestep_spacing.h"
#include "schedules/vp_cosine.h"
#include "schedules/vp_linear.h"
#include "schedules/vp_scaled_linear.h"
#include "schedules/zero_terminal_snr.h"
#include "support/expect_error.h"

namespace rivulet {
namespace {

using test::messageOf;

DiscreteVp table(ProcessKind kind, double start = 1e-4, double end = 0.02) {
  Process process;
  process.kind = kind;
  process.betaStart = start;
  process.betaEnd = end;
  return makeDiscreteVp(process, false);
}

TEST(VpLinear, ReachesBothEnds) {
  const auto betas = vpLinearBetas(1000, 1e-4, 0.02);
  EXPECT_EQ(betas.size(), 1000u);
  EXPECT_DOUBLE_EQ(betas.front(), 1e-4);
  EXPECT_DOUBLE_EQ(betas.back(), 0.02);
  EXPECT_NEAR(betas[500] - betas[499], 0.0199 / 999, 1e-15);
  // Ho et al. start from almost pure noise: sqrt(abar_T) = 0.00635.
  EXPECT_NEAR(table(ProcessKind::VpLinear).at(999).alpha, 0.0063528, 1e-6);
}

TEST(VpScaledLinear, IsLinearInTheRoots) {
  const auto betas = vpScaledLinearBetas(1000, 0.00085, 0.012);
  EXPECT_NEAR(betas.front(), 0.00085, 1e-15);
  EXPECT_NEAR(betas.back(), 0.012, 1e-15);
  EXPECT_NEAR(std::sqrt(betas[1]) - std::sqrt(betas[0]), std::sqrt(betas[700]) - std::sqrt(betas[699]), 1e-15);
  // The well-known largest sigma of latent diffusion.
  EXPECT_NEAR(table(ProcessKind::VpScaledLinear, 0.00085, 0.012).ratioAt(999), 14.6146, 1e-3);
}

TEST(VpCosine, FollowsTheCosineUntilTheCap) {
  const auto betas = vpCosineBetas(1000);
  EXPECT_DOUBLE_EQ(betas.back(), 0.999);
  const auto alphaBar = [](double u) { return std::pow(std::cos((u + 0.008) / 1.008 * 1.5707963267948966), 2); };
  const DiscreteVp vp = table(ProcessKind::VpCosine);
  for (const int k : {0, 10, 499, 900}) {
    EXPECT_NEAR(vp.alphaBar(k), alphaBar((k + 1) / 1000.0) / alphaBar(0.0), 1e-6) << k;
  }
}

TEST(ZeroTerminalSnr, ClearsTheLastLevelAndKeepsTheFirst) {
  const auto betas = vpLinearBetas(1000, 1e-4, 0.02);
  const DiscreteVp before(betas), after(rescaleToZeroTerminalSnr(betas));
  EXPECT_EQ(after.alphaBar(999), 0.0);
  EXPECT_NEAR(after.alphaBar(0), before.alphaBar(0), 1e-7);
  EXPECT_LT(after.alphaBar(500), before.alphaBar(500));
}

TEST(DiscreteVp, LevelsAreVariancePreserving) {
  for (const ProcessKind kind : {ProcessKind::VpLinear, ProcessKind::VpScaledLinear, ProcessKind::VpCosine}) {
    const DiscreteVp vp = table(kind);
    double previous = 1.0;
    for (int k = -1; k < vp.size(); ++k) {
      const NoiseLevel level = vp.at(k);
      EXPECT_NEAR(level.alpha * level.alpha + level.sigma * level.sigma, 1.0, 1e-12);
      EXPECT_LE(vp.alphaBar(k), previous);
      EXPECT_DOUBLE_EQ(level.t, (k + 1) / 1000.0);
      previous = vp.alphaBar(k);
    }
  }
}

TEST(DiscreteVp, TimeAndRatioAreInverse) {
  const DiscreteVp vp = table(ProcessKind::VpLinear);
  for (const int k : {0, 1, 17, 500, 998, 999}) EXPECT_NEAR(vp.timeOfRatio(vp.ratioAt(k)), k, 1e-9);
  EXPECT_EQ(vp.timeOfRatio(0.0), 0.0);
  EXPECT_EQ(vp.timeOfRatio(1e9), 999.0);
  EXPECT_GT(vp.ratioAt(10.5), vp.ratioAt(10));
  EXPECT_NEAR(vp.ratioAt(10.5), 0.5 * (vp.ratioAt(10) + vp.ratioAt(11)), 1e-12);
  const NoiseLevel level = vp.fromRatio(vp.ratioAt(300), 300);
  EXPECT_NEAR(level.alpha, vp.at(300).alpha, 1e-12);
  EXPECT_NEAR(level.sigma, vp.at(300).sigma, 1e-12);
}

TEST(DiscreteVp, OneTimestepAlone) {
  Process process;
  process.trainTimesteps = 1;
  const DiscreteVp vp = makeDiscreteVp(process, false);
  EXPECT_EQ(vp.timeOfRatio(3.0), 0.0);
  EXPECT_GT(vp.ratioAt(0.0), 0.0);
}

TEST(DiscreteVp, ErrorsNameTheValue) {
  EXPECT_EQ(messageOf([] { table(ProcessKind::VpLinear).at(1000); }),
            "timestep 1000 is outside the schedule's 0..999: fewer steps or a smaller steps_offset are needed");
  EXPECT_EQ(messageOf([] { DiscreteVp({0.1, 0.0}); }), "beta 1 of the schedule is 0.000000, expected (0, 1]");
  EXPECT_EQ(messageOf([] { DiscreteVp({}); }), "a variance-preserving schedule needs at least one beta");
  EXPECT_EQ(messageOf([] { table(ProcessKind::Flow); }), "a flow process has no table of betas");
  EXPECT_EQ(messageOf([] { parseProcessKind("ve"); }),
            "schedule \"ve\" is not known; supported: vp_linear, vp_scaled_linear, vp_cosine, vp_betas, flow");
}

TEST(Karras, EndsAndShape) {
  const auto values = karrasSpacing(0.1, 10.0, 5);
  EXPECT_NEAR(values.front(), 10.0, 1e-12);
  EXPECT_NEAR(values.back(), 0.1, 1e-14);
  const double middle = std::pow(0.5 * (std::pow(10.0, 1 / 7.0) + std::pow(0.1, 1 / 7.0)), 7);
  EXPECT_NEAR(values[2], middle, 1e-12);
  EXPECT_EQ(karrasSpacing(0.1, 10.0, 1).size(), 1u);
  EXPECT_NEAR(karrasSpacing(0.1, 10.0, 1)[0], 10.0, 1e-12);
}

TEST(Exponential, IsGeometric) {
  const auto values = exponentialSpacing(0.1, 10.0, 5);
  EXPECT_NEAR(values[0] / values[1], values[3] / values[4], 1e-12);
  EXPECT_NEAR(values[2], 1.0, 1e-12);
}

TEST(Flow, ShiftKeepsTheEnds) {
  EXPECT_EQ(shiftFlowTime(0.0, 3.0), 0.0);
  EXPECT_EQ(shiftFlowTime(1.0, 3.0), 1.0);
  EXPECT_DOUBLE_EQ(shiftFlowTime(0.5, 3.0), 0.75);
  EXPECT_DOUBLE_EQ(shiftFlowTime(0.3, 1.0), 0.3);
  const NoiseLevel level = flowLevel(0.25, 1000.0);
  EXPECT_EQ(level.alpha, 0.75);
  EXPECT_EQ(level.sigma, 0.25);
  EXPECT_EQ(level.timestep, 250.0);
}

TEST(TimestepSpacing, TablesOfLinAndOthers) {
  using Times = std::vector<double>;
  SpacingOptions options;
  options.spacing = TimestepSpacing::Leading;
  EXPECT_EQ(spaceTimesteps(10, options), (Times{900, 800, 700, 600, 500, 400, 300, 200, 100, 0}));
  options.offset = 1;
  EXPECT_EQ(spaceTimesteps(4, options), (Times{751, 501, 251, 1}));
  options.offset = 0;
  options.spacing = TimestepSpacing::Trailing;
  EXPECT_EQ(spaceTimesteps(10, options), (Times{999, 899, 799, 699, 599, 499, 399, 299, 199, 99}));
  EXPECT_EQ(spaceTimesteps(3, options), (Times{999, 666, 332}));
  options.spacing = TimestepSpacing::Linspace;
  EXPECT_EQ(spaceTimesteps(4, options), (Times{999, 666, 333, 0}));
  EXPECT_EQ(spaceTimesteps(1, options), (Times{999}));
  options.dropCleanest = true;
  EXPECT_EQ(spaceTimesteps(5, options), (Times{999, 799, 599, 400, 200}));
  options.spacing = TimestepSpacing::Leading;
  EXPECT_EQ(spaceTimesteps(4, options), (Times{800, 600, 400, 200}));
  options.dropCleanest = false;
  options.round = false;
  options.spacing = TimestepSpacing::Linspace;
  EXPECT_NEAR(spaceTimesteps(8, options)[1], 856.2857142857, 1e-9);
}

TEST(TimestepSpacing, ErrorsNameTheValue) {
  EXPECT_EQ(messageOf([] { parseTimestepSpacing("even"); }),
            "timestep_spacing \"even\" is not known; supported: leading, trailing, linspace");
  EXPECT_EQ(messageOf([] { spaceTimesteps(0, {}); }),
            "a sampler of 0 steps: expected 1 to 1000, the number of times the schedule has");
  SpacingOptions options;
  options.dropCleanest = true;
  EXPECT_EQ(
      messageOf([&] { spaceTimesteps(1000, options); }),
      "leading spacing of 1000 steps needs 1001 times, the schedule has 1000: use fewer steps or another spacing");
}

}  // namespace
}  // namespace rivulet
