// The diffusion's terms against closed forms: a point mass, whose best network is known, and integrals of the decoder.
#include "training/gaussian_diffusion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "training/error.h"
#include "training/timestep_sampler.h"

namespace rivulet::training {
namespace {

at::Tensor stepsOf(const std::vector<int64_t>& k) {
  return at::tensor(k, at::kLong);
}

TEST(GaussianDiffusion, SchedulesEndInNoise) {
  for (const char* schedule : {"vp_linear", "vp_cosine"}) {
    const GaussianDiffusion diffusion({schedule, 1000});
    EXPECT_LT(diffusion.alphaBar(999), 1e-4) << schedule;
    EXPECT_GT(diffusion.alphaBar(0), 0.999) << schedule;
    EXPECT_EQ(diffusion.alphaBar(-1), 1);
    EXPECT_DOUBLE_EQ(diffusion.time(999), 1);
    for (int k = 1; k < 1000; ++k) EXPECT_LT(diffusion.posteriorVariance(k), diffusion.beta(k));
  }
  EXPECT_NEAR(GaussianDiffusion({"vp_linear", 1000}).alphaBar(999), 4.0358e-5, 1e-8);  // Ho et al.'s
  EXPECT_THROW(GaussianDiffusion({"linear", 1000}), Error);
  EXPECT_THROW(GaussianDiffusion({"vp_linear", 1}), Error);
}

TEST(GaussianDiffusion, EveryPredictionSaysTheSameX0) {
  const GaussianDiffusion diffusion({"vp_cosine", 100});
  const at::Tensor x0 = at::rand({5, 1, 2, 2}) * 2 - 1, noise = at::randn_like(x0), k = stepsOf({0, 20, 50, 80, 98});
  const at::Tensor x = diffusion.alpha(k) * x0 + diffusion.sigma(k) * noise;
  for (const char* prediction : {"epsilon", "v", "sample"}) {
    const at::Tensor said = diffusion.target(prediction, x0, noise, k);
    EXPECT_LT((diffusion.x0(prediction, x, said, k) - x0).abs().max().item<double>(), 1e-3) << prediction;
  }
}

TEST(GaussianDiffusion, TheDecodersBinsAddUpToOne) {
  std::vector<float> values;
  for (int i = 0; i < 256; ++i) values.push_back(static_cast<float>(i / 127.5 - 1));
  const at::Tensor x = at::tensor(values);
  for (const double mean : {-1.2, 0.1, 0.99}) {
    for (const double deviation : {0.01, 0.3}) {
      const at::Tensor logs =
          discretisedLogLikelihood(x, at::full_like(x, mean), at::full_like(x, 2 * std::log(deviation)));
      EXPECT_NEAR(logs.to(at::kDouble).exp().sum().item<double>(), 1, 2e-3) << mean << ' ' << deviation;
    }
  }
}

TEST(GaussianDiffusion, NormalKlIsTheTextbooks) {
  const at::Tensor zero = at::zeros({1});
  EXPECT_NEAR(normalKl(zero, zero, zero, zero).item<double>(), 0, 1e-7);
  EXPECT_NEAR(normalKl(zero + 1, zero, zero, zero).item<double>(), 0.5, 1e-6);
  EXPECT_NEAR(normalKl(zero, zero + std::log(4.0), zero, zero).item<double>(), 0.5 * (-std::log(4.0) - 1 + 4), 1e-5);
}

// The network that knows x_0 predicts the posterior itself: with its variance every divergence is 0, with beta in its
// place it is that of two normal distributions of one mean.
TEST(GaussianDiffusion, TheBoundOfAPerfectNetworkIsClosed) {
  const GaussianDiffusion diffusion({"vp_linear", 1000});
  const at::Tensor x0 = at::full({2, 1, 4, 4}, 0.25), k = stepsOf({10, 700});
  const at::Tensor x = diffusion.alpha(k) * x0 + diffusion.sigma(k) * at::randn_like(x0);
  const auto bound = [&](double share) {
    return diffusion.boundTerm(x0, x, x0, diffusion.logVariance(at::full({1, 1, 1, 1}, share), k).expand_as(x0), k);
  };
  EXPECT_LT(bound(0).abs().max().item<double>(), 1e-6);
  const at::Tensor wide = bound(1);
  for (int n = 0; n < 2; ++n) {
    const int step = n == 0 ? 10 : 700;
    const double ratio = diffusion.posteriorVariance(step) / diffusion.beta(step);
    EXPECT_NEAR(wide[n].item<double>(), 0.5 * (ratio - 1 - std::log(ratio)) / std::log(2.0), 1e-5);
  }
}

TEST(GaussianDiffusion, ThePriorIsTheDivergenceOfTheLastStep) {
  const GaussianDiffusion diffusion({"vp_linear", 10});  // ends early: far from noise
  const double bar = diffusion.alphaBar(9), x0 = 0.5;
  const double expected = 0.5 * (-std::log(1 - bar) - 1 + (1 - bar) + bar * x0 * x0) / std::log(2.0);
  EXPECT_NEAR(diffusion.priorTerm(at::full({1, 1, 2, 2}, x0)).item<double>(), expected, 1e-5 * expected);
}

TEST(TimestepSampler, EvenlyOrInProportionToLosses) {
  Random random{1, 2};
  const TimestepSampler even(10, false);
  const TimestepSampler::Draw draw = even.draw(2000, random);
  EXPECT_NEAR(draw.k.to(at::kFloat).mean().item<double>(), 4.5, 0.3);
  EXPECT_EQ(draw.weight.max().item<double>(), 1);

  TimestepSampler sampler(4, true);
  for (int round = 0; round < 12; ++round) sampler.observe(stepsOf({0, 1, 2, 3}), at::tensor({1.f, 1.f, 1.f, 7.f}));
  const TimestepSampler::Draw important = sampler.draw(4000, random);
  const double share = (important.k == 3).to(at::kFloat).mean().item<double>();
  EXPECT_NEAR(share, 0.7, 0.03);
  EXPECT_NEAR(important.weight.mean().item<double>(), 1, 0.1) << "the weights keep the mean";

  TimestepSampler other(4, true);
  other.restore(sampler.state().clone());
  Random a{3}, b{3};
  EXPECT_TRUE(at::equal(other.draw(64, a).k, sampler.draw(64, b).k));
  EXPECT_THROW(other.restore(at::zeros({5, 11})), Error);
}

}  // namespace
}  // namespace rivulet::training
