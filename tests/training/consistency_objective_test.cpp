// Consistency tuning against a point mass, and the gap between the two points of a pair.
#include "training/consistency_objective.h"

#include <cmath>

#include "point_mass.h"

namespace rivulet::training {
namespace {

TEST(ConsistencyObjective, TheGapHalvesWithEveryStage) {
  EXPECT_DOUBLE_EQ(consistencyTarget(1, 1), 0.5);  // sigma is infinite there: n = 1
  EXPECT_DOUBLE_EQ(consistencyTarget(1, 8), 1 - 1.0 / 256);
  EXPECT_DOUBLE_EQ(consistencyTarget(0.1, 1), 0);  // n is near 5: the first stages end at the data
  EXPECT_NEAR(consistencyTarget(0.5, 4), 0.5 * (1 - (1 + 8 / (1 + std::exp(1.0))) / 16), 1e-12);
  for (const double t : {0.01, 0.3, 0.9, 1.0}) {
    for (int stage = 1; stage < 10; ++stage) {
      EXPECT_LE(consistencyTarget(t, stage), consistencyTarget(t, stage + 1));
      EXPECT_LT(consistencyTarget(t, stage), t);
    }
  }
}

TEST(ConsistencyObjective, OfAPointMassIsItsClosedForm) {
  // A network that says c is consistent with itself; only the pairs that end at the data see that it should be the
  // mass.
  ConsistencyOptions options;
  options.stages = 2;
  ConsistencyObjective objective(options);
  EXPECT_NEAR(objective.loss(Step(constantNetwork(false, kMass)).step).item<double>(), 0, 1e-6);
  const TextureUnet student = constantNetwork(false, 0.9);
  const Step step(student, 0, 64);  // progress 1: the last stage
  const FlowExample example = makeFlowExample(student, step.batch, options.flow, 1, 0);
  double expected = 0;
  int atTheData = 0;
  for (int64_t n = 0; n < 64; ++n) {
    const double t = example.input.t[n].item<float>();
    if (consistencyTarget(t, 2) > options.boundary) continue;
    ++atTheData;
    expected += (std::sqrt(0.25 + 1e-4) - 0.01) / std::max(t, 0.05) / 64;
  }
  EXPECT_GT(atTheData, 0);
  EXPECT_LT(atTheData, 64);
  EXPECT_NEAR(objective.loss(step.step).item<double>(), expected, 1e-4 * expected);
}

TEST(ConsistencyObjective, EveryStageSeesTheData) {
  // Else a constant would be perfect in the late ones, and is where training ended up.
  for (const int stages : {1, 4, 8, 10}) {
    ConsistencyOptions options;
    options.stages = stages;
    ConsistencyObjective objective(options);
    EXPECT_GT(objective.loss(Step(constantNetwork(false, 0.9), 0, 64).step).item<double>(), 0.01) << stages;
  }
}

TEST(ConsistencyObjective, SamplesEndWhereTheNetworkPoints) {
  const TextureUnet network = randomNetwork(false);
  TextureUnetInput input;
  input.x = at::randn({2, 3, 8, 8});
  input.style = at::zeros({2, kStyleSize});
  input.classWeights = network.oneHot(at::tensor({0, 1}, at::kLong));
  input.t = at::ones({2});
  EXPECT_TRUE(at::equal(sampleConsistency(network, input, 1), network.forward(input)));
  const at::Tensor sample = sampleConsistency(constantNetwork(false, kMass), input, 3);
  EXPECT_TRUE(at::allclose(sample, at::full_like(sample, kMass)));
}

}  // namespace
}  // namespace rivulet::training
