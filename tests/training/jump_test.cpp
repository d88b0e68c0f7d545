// Jumps against flows that are known in closed form: a point mass and a Gaussian.
#include "training/jump.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "training/euler_sampler.h"

namespace rivulet::training {
namespace {

// Data N(mean, deviation^2) on the linear path: x_t is N((1-t) mean, v(t)), v = (1-t)^2 deviation^2 + t^2.
struct JumpGaussian {
  double mean = 0.4, deviation = 0.6;

  at::Tensor variance(const at::Tensor& t) const { return (1 - t).square() * deviation * deviation + t.square(); }
  // E[x_0 | x_t], linear in x.
  at::Tensor x0(const at::Tensor& x, const at::Tensor& times) const {
    const at::Tensor t = times.view({-1, 1, 1, 1});
    return mean + (1 - t) * deviation * deviation / variance(t) * (x - (1 - t) * mean);
  }
  // The flow keeps the number of deviations.
  at::Tensor state(const at::Tensor& x, const at::Tensor& from, const at::Tensor& to) const {
    const at::Tensor t = from.view({-1, 1, 1, 1}), s = to.view({-1, 1, 1, 1});
    return (1 - s) * mean + (variance(s) / variance(t)).sqrt() * (x - (1 - t) * mean);
  }
  // f of the jump, from x_s = (s/t) x_t + (1 - s/t) f.
  at::Tensor jump(const at::Tensor& x, const at::Tensor& from, const at::Tensor& to) const {
    const at::Tensor t = from.view({-1, 1, 1, 1}), s = to.view({-1, 1, 1, 1});
    return (t * state(x, from, to) - s * x) / (t - s);
  }
};

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble);

struct Jumps {
  at::Tensor x = at::randn({5, 2, 4, 4}, at::make_generator<at::CPUGeneratorImpl>(7), kDouble);
  at::Tensor t = at::tensor({1.0, 1.0, 0.7, 0.25, 0.125}, kDouble), s = at::tensor({0.0, 0.5, 0.6, 0.0, 0.1}, kDouble);
};

TEST(Jump, OfAPointMassIsThePoint) {
  const Jumps jumps;
  const X0Function x0 = [](const at::Tensor& x, const at::Tensor&) { return at::full_like(x, 0.3); };
  for (const int steps : {1, 2, 5}) {
    EXPECT_TRUE(at::allclose(solverJump(jumps.x, jumps.t, jumps.s, steps, x0), at::full_like(jumps.x, 0.3)));
  }
  const JumpFunction jump = [](const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
    return at::full_like(x, 0.3);
  };
  EXPECT_TRUE(at::allclose(halvesJump(jumps.x, jumps.t, jumps.s, jump), at::full_like(jumps.x, 0.3)));
}

TEST(Jump, TheSolversOfAGaussianConvergesToItsFlow) {
  const Jumps jumps;
  const JumpGaussian data;
  const X0Function x0 = [&](const at::Tensor& x, const at::Tensor& t) { return data.x0(x, t); };
  const at::Tensor exact = data.jump(jumps.x, jumps.t, jumps.s);
  const auto error = [&](int steps) {
    return (solverJump(jumps.x, jumps.t, jumps.s, steps, x0) - exact).abs().max().item<double>();
  };
  EXPECT_LT(error(8), 0.1);
  EXPECT_LT(error(256), 1e-3);
  EXPECT_LT(error(64), error(16) / 3);
  // Second order where the jump does not end at 0, where the last step is Euler's.
  const at::Tensor s = jumps.s.clamp_min(0.05), inner = data.jump(jumps.x, jumps.t, s);
  const auto innerError = [&](int steps) {
    return (solverJump(jumps.x, jumps.t, s, steps, x0) - inner).abs().max().item<double>();
  };
  EXPECT_LT(innerError(64), innerError(32) / 3.5);
}

TEST(Jump, TwoHalvesOfAGaussiansFlowAreTheWhole) {
  const Jumps jumps;
  const JumpGaussian data;
  const JumpFunction jump = [&](const at::Tensor& x, const at::Tensor& t, const at::Tensor& s) {
    return data.jump(x, t, s);
  };
  const at::Tensor f = halvesJump(jumps.x, jumps.t, jumps.s, jump);
  EXPECT_TRUE(at::allclose(f, data.jump(jumps.x, jumps.t, jumps.s), 1e-9, 1e-9));
  EXPECT_TRUE(at::allclose(eulerStep(jumps.x, jumps.t, jumps.s, f), data.state(jumps.x, jumps.t, jumps.s), 1e-9, 1e-9));
}

}  // namespace
}  // namespace rivulet::training
