// Flow matching against closed forms on a point mass, and the coupling against every permutation.
#include "training/flow_objective.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "scratch.h"
#include "training/coupling.h"

namespace rivulet::training {
namespace {

TextureUnet smallNetwork() {
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-s");
  config.classes = {"a", "b", "c"};
  return TextureUnet(config, at::kCPU, false);
}

Batch pointMass(int64_t count, double value, int64_t size = 8) {
  return {at::full({count, 3, size, size}, value), at::ones({count}, at::TensorOptions().dtype(at::kLong)),
          at::zeros({count, kStyleSize})};
}

TEST(FlowObjective, OfAPointMassIsItsClosedForm) {
  // All data are m and the network says c: the loss is (c - m)^2 times the mean weight.
  const TextureUnet network = smallNetwork();
  const FlowExample example = makeFlowExample(network, pointMass(64, 0.5), {}, 1, 2);
  const at::Tensor t = example.input.t.clamp_min(0.05);
  const double expected = 0.75 * 0.75 * (1 / t.square()).mean().item<double>();
  const at::Tensor prediction = at::full_like(example.x0, -0.25);
  EXPECT_NEAR(flowLoss(prediction, example).item<double>(), expected, 1e-4 * expected);
  EXPECT_EQ(flowLoss(example.x0, example).item<double>(), 0);
}

TEST(FlowObjective, TheLossIsTheVelocitysWhereTIsAboveTheFloor) {
  const TextureUnet network = smallNetwork();
  FlowOptions options;
  options.timeUniform = 0;
  options.timeMean = 0;
  options.timeDeviation = 0.1;
  const FlowExample example = makeFlowExample(network, pointMass(8, 0.3), options, 3, 4);
  const at::Tensor t = example.input.t.view({8, 1, 1, 1}), guess = at::randn_like(example.x0);
  const at::Tensor noise = (example.input.x - (1 - t) * example.x0) / t;
  const at::Tensor velocity = noise - example.x0, guessed = (example.input.x - guess) / t;
  const at::Tensor squares =
      (guessed - velocity).square().slice(2, 3, 5).slice(3, 3, 5);  // 8 pixels, less 3 on each side
  EXPECT_NEAR(flowLoss(guess, example).item<double>(), squares.mean().item<double>(), 1e-4);
}

TEST(FlowObjective, TheLossLeavesTheEdgesOut) {
  const TextureUnet network = smallNetwork();
  const FlowExample example = makeFlowExample(network, pointMass(2, 0.5, 32), {}, 1, 2);
  at::Tensor prediction = example.x0.clone();
  prediction.slice(2, 0, 8).fill_(9);
  prediction.slice(3, 24, 32).fill_(-9);
  EXPECT_EQ(flowLoss(prediction, example).item<double>(), 0);
  prediction.slice(2, 8, 9).fill_(9);
  EXPECT_GT(flowLoss(prediction, example).item<double>(), 0);
}

TEST(FlowObjective, WalksTheLinearPath) {
  const TextureUnet network = smallNetwork();
  const FlowExample example = makeFlowExample(network, pointMass(64, 0.5, 32), {}, 5, 6);
  const at::Tensor t = example.input.t.view({64, 1, 1, 1});
  const at::Tensor noise = (example.input.x - (1 - t) * 0.5) / t;
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(noise.std().item<double>(), 1, 0.02);
}

TEST(FlowObjective, DrawsTAndDropsClassesAsAsked) {
  const TextureUnet network = smallNetwork();
  FlowOptions options;
  options.timeUniform = 0;
  options.classDropout = 0.25;
  const FlowExample example = makeFlowExample(network, pointMass(4000, 0), options, 7, 8);
  const at::Tensor logit = at::logit(example.input.t.to(at::kDouble));
  EXPECT_NEAR(logit.mean().item<double>(), -0.4, 0.06);
  EXPECT_NEAR(logit.std().item<double>(), 1.0, 0.06);
  const at::Tensor share = example.input.classWeights.mean(0);
  EXPECT_NEAR(share[3].item<double>(), 0.25, 0.03);
  EXPECT_NEAR(share[1].item<double>(), 0.75, 0.03);
}

TEST(FlowObjective, IsAFunctionOfSeedAndStep) {
  const TextureUnet network = smallNetwork();
  const Batch batch = pointMass(4, 0.1);
  const at::Tensor one = makeFlowExample(network, batch, {}, 9, 1).input.x;
  EXPECT_TRUE(at::equal(one, makeFlowExample(network, batch, {}, 9, 1).input.x));
  EXPECT_FALSE(at::equal(one, makeFlowExample(network, batch, {}, 9, 2).input.x));
  EXPECT_FALSE(at::equal(one, makeFlowExample(network, batch, {}, 10, 1).input.x));
}

TEST(Coupling, AssignsAtLeastCost) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random{seed};
    const int64_t size = 1 + random.below(6);
    std::vector<double> cost(static_cast<std::size_t>(size * size));
    for (double& value : cost) value = random.normal();
    const auto total = [&](const std::vector<int64_t>& columns) {
      double sum = 0;
      for (int64_t i = 0; i < size; ++i)
        sum += cost[static_cast<std::size_t>(i * size + columns[static_cast<std::size_t>(i)])];
      return sum;
    };
    std::vector<int64_t> columns(static_cast<std::size_t>(size));
    std::iota(columns.begin(), columns.end(), 0);
    double least = total(columns);
    while (std::next_permutation(columns.begin(), columns.end())) least = std::min(least, total(columns));
    EXPECT_NEAR(total(assign(cost, size)), least, 1e-9) << seed;
  }
}

TEST(Coupling, PermutesNoiseWithinAClassOnly) {
  const at::Tensor noise = at::randn({6, 3, 4, 4}), x0 = at::randn({6, 3, 4, 4});
  const at::Tensor label = at::tensor(std::vector<int64_t>{0, 1, 0, 1, 0, 2});
  const at::Tensor coupled = coupleNoise(x0, noise, label);
  EXPECT_TRUE(at::equal(coupled[5], noise[5]));
  EXPECT_LE((coupled - x0).square().sum().item<double>(), (noise - x0).square().sum().item<double>() + 1e-4);
  for (const auto& members : {std::vector<int64_t>{0, 2, 4}, std::vector<int64_t>{1, 3}}) {
    const at::Tensor index = at::tensor(members);
    const auto sorted = [&](const at::Tensor& all) { return std::get<0>(all.index_select(0, index).flatten().sort()); };
    EXPECT_TRUE(at::equal(sorted(coupled), sorted(noise)));
  }
}

}  // namespace
}  // namespace rivulet::training
