// Denoising diffusion on data whose best network is known, and the bound's parts against their sum.
#include "training/ddpm_objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scratch.h"
#include "training/error.h"
#include "training/likelihood.h"

namespace rivulet::training {
namespace {

TextureUnet smallNetwork(const DdpmObjective& objective) {
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-xs");
  config.classes = {"a", "b"};
  config.channels = 1;
  config.styleDim = 0;
  config.whitened = false;
  objective.configure(config);
  TextureUnet network(config, at::kCPU, true);
  network.initialise(5, Style{}, Style{});
  return network;
}

// All of the network's output is `value`: the last layer's bias.
void say(TextureUnet& network, const std::vector<float>& values) {
  const torch::NoGradGuard guard;
  network.parameters()["head.out.weight"].detach().zero_();
  network.parameters()["head.out.bias"].detach().copy_(at::tensor(values));
}

Batch pointMasses(int64_t count, double value) {
  return {at::full({count, 1, 8, 8}, value), at::zeros({count}, at::TensorOptions().dtype(at::kLong)), {}};
}

TEST(DdpmObjective, OfANetworkThatSaysNothingIsTheNoisesVariance) {
  DdpmOptions options;
  options.border = 0;  // all values: their mean square is then 1 to a percent
  DdpmObjective objective(options);
  TextureUnet network = smallNetwork(objective);
  say(network, {0});
  const Batch batch = pointMasses(256, 0.5);
  const double loss = objective.loss({network, network, batch, 1, 2, 0, {}}).item<double>();
  EXPECT_NEAR(loss, 1, 0.03);
}

TEST(DdpmObjective, OfAPointMassSeenAsX0IsTheSquaredError) {
  DdpmOptions options;
  options.prediction = "sample";
  DdpmObjective objective(options);
  TextureUnet network = smallNetwork(objective);
  say(network, {0.5f});
  EXPECT_EQ(objective.loss({network, network, pointMasses(8, 0.5), 1, 2, 0, {}}).item<double>(), 0);
  say(network, {0.2f});
  EXPECT_NEAR(objective.loss({network, network, pointMasses(8, 0.5), 1, 2, 0, {}}).item<double>(), 0.09, 1e-6);
}

TEST(DdpmObjective, TheBoundTrainsTheVarianceAndNotTheMean) {
  DdpmOptions options;
  options.prediction = "sample";
  options.learnedVariance = true;
  options.boundWeight = 1;
  DdpmObjective objective(options);
  TextureUnet network = smallNetwork(objective);
  EXPECT_EQ(network.config().json().at("out_channels"), 2);
  say(network, {0.5f, 0.0f});  // the mean is right
  network.parameters().grad().zero_();
  objective.loss({network, network, pointMasses(16, 0.5), 1, 2, 0, {}}).backward();
  const at::Tensor gradient = network.parameters()["head.out.bias"].grad();
  EXPECT_EQ(gradient[0].item<double>(), 0);
  EXPECT_GT(gradient[1].item<double>(), 0) << "a point mass wants the smaller variance";
}

// With x_0 known and the posterior's own variance, nothing is left but the decoder and the prior.
TEST(DdpmObjective, TheBoundsPartsSumToTheBitsPerDimension) {
  DdpmOptions options;
  options.prediction = "sample";
  options.diffusion.steps = 50;
  const DdpmObjective objective(options);
  TextureUnet network = smallNetwork(objective);
  const float grey = 63 / 127.5f - 1;  // a byte's value
  say(network, {grey});
  const GaussianDiffusion diffusion(options.diffusion);
  const Batch batch = pointMasses(4, grey);
  const Likelihood exact = likelihood(diffusion, network, batch, Variance::BetaTilde, 1, 1);
  double sum = exact.prior + exact.decoder;
  for (const double term : exact.steps) {
    EXPECT_NEAR(term, 0, 1e-5);
    sum += term;
  }
  EXPECT_EQ(exact.steps.size(), 49u);
  EXPECT_NEAR(exact.total, sum, 1e-9);
  EXPECT_NEAR(exact.prior, diffusion.priorTerm(batch.x0).mean().item<double>(), 1e-9);
  // One bin of a normal distribution about its middle.
  const double deviation = std::sqrt(diffusion.posteriorVariance(0));
  EXPECT_NEAR(exact.decoder, -std::log2(std::erf(1 / 255.0 / deviation / std::sqrt(2.0))), 1e-3);

  const Likelihood wide = likelihood(diffusion, network, batch, Variance::Beta, 1, 1);
  EXPECT_GT(wide.total, exact.total);
  EXPECT_THROW(likelihood(diffusion, network, batch, Variance::Learned, 1, 1), Error);
}

TEST(DdpmObjective, DdimFromTheTrueX0EndsThere) {
  DdpmOptions options;
  options.prediction = "sample";
  const DdpmObjective objective(options);
  TextureUnet network = smallNetwork(objective);
  say(network, {0.3f});
  TextureUnetInput input;
  input.x = at::randn({2, 1, 8, 8});
  input.classWeights = network.oneHot(at::zeros({2}, at::TensorOptions().dtype(at::kLong)));
  const at::Tensor end = sampleDdim(GaussianDiffusion(options.diffusion), network, input, 10, false);
  EXPECT_LT((end - 0.3).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace rivulet::training
