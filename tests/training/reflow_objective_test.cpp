// Reflow on a point mass, whose flow is straight already, and the measure of straightness on a Gaussian.
#include "training/reflow_objective.h"

#include <cmath>

#include "point_mass.h"

namespace rivulet::training {
namespace {

ReflowOptions cheap() {
  ReflowOptions options;
  options.pairs.solverSteps = 2;
  options.pairs.rounds = 2;
  return options;
}

TEST(ReflowObjective, OfAPointMassHasNoLossAtIt) {
  const Scratch scratch;
  ReflowObjective objective(cheap(), teacherOf(scratch, constantNetwork(false, kMass)));
  const TextureUnet student = constantNetwork(false, kMass);
  EXPECT_NEAR(objective.loss(Step(student).step).item<double>(), 0, 1e-9);
  for (const auto& [name, value] : objective.heldOut(student, massBatch(1), 0)) {
    if (name.find("detail") == std::string::npos) {
      EXPECT_NEAR(value, 0, 1e-9) << name;
    }
  }
}

TEST(ReflowObjective, ItsLossIsTheVelocitysOverUniformTimes) {
  // (c - mass)^2 times the mean of 1/max(t, f)^2 over t uniform in [0, 1], which is 1/f + 1/f - 1.
  const Scratch scratch;
  ReflowOptions options = cheap();
  options.timeFloor = 0.5;
  ReflowObjective objective(options, teacherOf(scratch, constantNetwork(false, kMass)));
  const TextureUnet student = constantNetwork(false, 0.9);
  double sum = 0;
  for (std::uint64_t i = 0; i < 4; ++i) sum += objective.loss(Step(student, i, 128).step).item<double>();
  EXPECT_NEAR(sum / 4, 0.25 * 3, 0.08);
}

TEST(ReflowObjective, StraightnessOfAGaussiansFlowIsItsIntegral) {
  // Data N(0, d^2): x_t = sqrt(v(t)) x_1 with v = (1-t)^2 d^2 + t^2, so u = v' / (2 sqrt v) x_1 and x_1 - x_0 = (1 - d)
  // x_1.
  const double d = 0.3;
  double integral = 0;
  constexpr int kParts = 10000;
  for (int i = 0; i < kParts; ++i) {
    const double t = (i + 0.5) / kParts, v = (1 - t) * (1 - t) * d * d + t * t;
    const double u = (t - (1 - t) * d * d) / std::sqrt(v);
    integral += (1 - d - u) * (1 - d - u) / kParts;
  }
  const at::Tensor noise = at::randn({2, 3, 8, 8}, at::TensorOptions().dtype(at::kDouble));
  const double measured = straightness(noise, 4000, [&](const at::Tensor& x, const at::Tensor& times) {
    const at::Tensor t = times.view({-1, 1, 1, 1});
    return (1 - t) * d * d / ((1 - t).square() * d * d + t.square()) * x;
  });
  EXPECT_NEAR(measured, integral * noise.square().mean().item<double>(), 2e-3);
}

}  // namespace
}  // namespace rivulet::training
