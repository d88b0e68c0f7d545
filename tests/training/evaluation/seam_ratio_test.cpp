// The seam ratio of pictures whose gradients are known.
#include "training/evaluation/seam_ratio.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace rivulet::training {
namespace {

TEST(SeamRatio, OfATilingSineIsOne) {
  const at::Tensor x = at::arange(16, at::kFloat).view({1, 16}), y = at::arange(16, at::kFloat).view({16, 1});
  // Along a diagonal, so that the wrap meets every phase as the inside does.
  const at::Tensor sine = at::sin((x + y) * (2 * 3.14159265 / 16)).expand({2, 3, 16, 16});
  EXPECT_NEAR(seamRatio(sine, plainBootstrap(2)).value, 1, 1e-5);
}

TEST(SeamRatio, OfARampIsItsLength) {
  const at::Tensor ramp = at::arange(16, at::kFloat).view({1, 1, 1, 16}).expand({3, 1, 16, 16});
  EXPECT_NEAR(seamRatio(ramp, plainBootstrap(3)).value, 15, 1e-5);
  EXPECT_NEAR(seamRatio(ramp.transpose(2, 3), plainBootstrap(3)).value, 15, 1e-5);
}

TEST(SeamRatio, OfNoiseIsOneAndOfAFlatPictureToo) {
  const Estimate noise = seamRatio(normal({64, 3, 32, 32}, 1), plainBootstrap(64, 200));
  EXPECT_NEAR(noise.value, 1, 0.02);
  EXPECT_LT(noise.low, 1);
  EXPECT_GT(noise.high, 1);
  EXPECT_EQ(seamRatio(at::ones({2, 1, 8, 8}), plainBootstrap(2)).value, 1);
}

}  // namespace
}  // namespace rivulet::training
