// The kernel distance against sums done by hand, and against what its expectation is.
#include "training/evaluation/kid.h"

#include <cmath>

#include "../scratch.h"
#include "samples.h"

namespace rivulet::training {
namespace {

TEST(KernelDistance, IsTheSumByHand) {
  // One dimension, k(a, b) = (ab + 1)^3: k(0,1) = 1, k(2,3) = 343, mean of k(0,2), k(0,3), k(1,2), k(1,3) = (1 + 1 + 27
  // + 64) / 4 = 23.25.
  const at::Tensor x = at::tensor({0.0f, 1.0f}).view({2, 1}), y = at::tensor({2.0f, 3.0f}).view({2, 1});
  EXPECT_NEAR(kernelDistance({x, {}}, {y, {}}, plainBootstrap(2)).value, 1 + 343 - 2 * 23.25, 1e-9);
  // Two dimensions, k = (a . b / 2 + 1)^3. x: (1,0), (0,2), (1,1): 1, 1.5^3, 2^3, each pair twice of six. y: (2,0),
  // (0,2):
  // 1. Across: 2^3 1, 1 3^3, 2^3 2^3.
  const at::Tensor u = at::tensor({1.0f, 0.0f, 0.0f, 2.0f, 1.0f, 1.0f}).view({3, 2}),
                   v = at::tensor({2.0f, 0.0f, 0.0f, 2.0f}).view({2, 2});
  EXPECT_NEAR(kernelDistance({u, {}}, {v, {}}, plainBootstrap(3)).value,
              (1 + 3.375 + 8) / 3 + 1 - 2 * (8 + 1 + 1 + 27 + 8 + 8) / 6.0, 1e-9);
}

TEST(KernelDistance, HasExpectationZeroForOneDistribution) {
  double sum = 0;
  int inside = 0;
  const int trials = 40;
  for (int i = 0; i < trials; ++i) {
    const auto seed = static_cast<std::uint64_t>(2 * i);
    const Estimate e =
        kernelDistance({normal({60, 8}, seed), {}}, {normal({600, 8}, seed + 1), {}}, plainBootstrap(60));
    sum += e.value;
    inside += e.low <= 0 && 0 <= e.high ? 1 : 0;
  }
  EXPECT_NEAR(sum / trials, 0, 0.02);
  EXPECT_GE(inside, trials * 8 / 10);
  EXPECT_GT(kernelDistance({normal({60, 8}, 1) + 0.5, {}}, {normal({600, 8}, 2), {}}, plainBootstrap(60)).low, 0.02);
}

TEST(KernelDistance, WeighsPairsOfOneGroupUp) {
  // One dimension; two groups of two, {0, 1} and {1, 2}: of the 16 ordered pairs of independent draws 8 are of one
  // group, here 4, so k(0,1) = 1 and k(1,2) = 27 count twice. Others: 1, 1, 8, 27, both ways round.
  const FeatureSample x{at::tensor({0.0f, 1.0f, 1.0f, 2.0f}).view({4, 1}), {5, 5, 7, 7}};
  const FeatureSample y{at::zeros({2, 1}), {}};  // every k with it is 1
  EXPECT_NEAR(kernelDistance(x, y, plainBootstrap(4)).value, (2 * 2 * (1 + 27) + 2 * (1 + 1 + 8 + 27)) / 16.0 + 1 - 2,
              1e-9);
  // Alone in their groups, they are taken as independent.
  EXPECT_EQ(kernelDistance({x.features, {1, 2, 3, 4}}, y, plainBootstrap(4)).value,
            kernelDistance({x.features, {}}, y, plainBootstrap(4)).value);
}

TEST(KernelDistance, HasExpectationZeroForAFixedNumberOfEachGroup) {
  // Ten groups far apart, three of each on either side.
  double grouped = 0, plain = 0;
  std::vector<int> groups;
  for (int i = 0; i < 30; ++i) groups.push_back(i % 10);
  for (int i = 0; i < 40; ++i) {
    const auto seed = static_cast<std::uint64_t>(3 * i);
    const at::Tensor centres = normal({10, 8}, seed).repeat({3, 1});
    const at::Tensor x = centres + 0.3 * normal({30, 8}, seed + 1), y = centres + 0.3 * normal({30, 8}, seed + 2);
    grouped += kernelDistance({x, groups}, {y, groups}, plainBootstrap(30, 2)).value / 40;
    plain += kernelDistance({x, {}}, {y, {}}, plainBootstrap(30, 2)).value / 40;
  }
  EXPECT_NEAR(grouped, 0, 0.02);
  EXPECT_LT(plain, -0.3);
}

TEST(KernelDistance, NeedsTwoOnEachSide) {
  EXPECT_NE(errorOf([] {
              kernelDistance({at::ones({1, 3}), {}}, {at::ones({4, 3}), {}}, plainBootstrap(1));
            }).find("two"),
            std::string::npos);
}

}  // namespace
}  // namespace rivulet::training
