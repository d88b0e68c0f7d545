// The sliced Wasserstein distance where it is known: equal sets, shifted sets, sets of flat pictures.
#include "training/evaluation/sliced_wasserstein.h"

#include <cmath>

#include "../scratch.h"
#include "samples.h"

namespace rivulet::training {
namespace {

double distance(const SlicedWasserstein& to, const at::Tensor& images) {
  return to.distance(images, plainBootstrap(images.size(0), 10)).mean.value;
}

// [n,1,14,14]: one level, and every patch of one value.
at::Tensor flat(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values)).view({-1, 1, 1, 1}).expand({-1, 1, 14, 14});
}

TEST(SlicedWasserstein, PyramidAddsUp) {
  const at::Tensor images = normal({2, 3, 64, 64}, 1);
  const std::vector<at::Tensor> levels = laplacianPyramid(images);
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_EQ(levels[1].size(2), 32);
  EXPECT_EQ(levels[2].size(2), 16);
  EXPECT_EQ(laplacianPyramid(normal({1, 1, 28, 28}, 1)).size(), 2u);
  // A constant has only a coarsest level.
  const std::vector<at::Tensor> constant = laplacianPyramid(at::full({1, 1, 64, 64}, 0.7f));
  EXPECT_LT(constant[0].abs().max().item<float>(), 1e-6f);
  EXPECT_LT(constant[1].abs().max().item<float>(), 1e-6f);
  EXPECT_LT((constant[2] - 0.7f).abs().max().item<float>(), 1e-6f);
}

TEST(SlicedWasserstein, OfEqualSetsIsZero) {
  const at::Tensor images = normal({4, 3, 32, 32}, 1);
  EXPECT_EQ(distance(SlicedWasserstein(images, {}), images), 0.0);
  EXPECT_EQ(distance(SlicedWasserstein(images, {}), images.clone()), 0.0);
}

TEST(SlicedWasserstein, OfShiftedSetsIsTheShiftAtTheCoarsestLevel) {
  const at::Tensor images = normal({8, 1, 28, 28}, 1);
  const SlicedWasserstein reference(images, {});
  const auto one = reference.distance(images + 0.5, plainBootstrap(8, 10)).levels;
  const auto two = reference.distance(images + 1.0, plainBootstrap(8, 10)).levels;
  EXPECT_LT(one[0], 1e-5);
  EXPECT_NEAR(two[1] / one[1], 2, 1e-4);
  // A projection onto a random unit vector u of d = 49 dimensions moves by shift / deviation |sum of u|, whose mean is
  // sqrt(2 d / (pi d)) to within 1 %; 128 directions give it to within 10 %.
  const double deviation = laplacianPyramid(images)[1].std(false).item<double>();
  EXPECT_NEAR(one[1], 0.5 / deviation * std::sqrt(2 / 3.14159265), 0.1 * one[1]);
}

TEST(SlicedWasserstein, OfFlatPicturesIsThatOfTheirValues) {
  const SlicedWasserstein reference(flat({0, 1}), {});
  const double unit = distance(reference, flat({1, 2}));
  EXPECT_GT(unit, 0);
  EXPECT_NEAR(distance(reference, flat({2, 5})) / unit, 3, 1e-5);           // 0 -> 2, 1 -> 5
  EXPECT_NEAR(distance(reference, flat({0, 0, 1})) / unit, 1 / 6.0, 1e-5);  // other counts: a sixth has to move by 1
  EXPECT_NEAR(distance(reference, flat({1, 0})), 0, 1e-6);
}

TEST(SlicedWasserstein, KeepsASeedAndNeedsRoom) {
  const at::Tensor images = normal({4, 1, 16, 16}, 1), others = normal({4, 1, 16, 16}, 2);
  const SlicedWasserstein reference(images, {.seed = 5}), again(images, {.seed = 5});
  EXPECT_EQ(distance(reference, others), distance(again, others));
  EXPECT_NE(errorOf([] { SlicedWasserstein(at::ones({2, 1, 13, 20}), {}); }).find("14x14"), std::string::npos);
}

}  // namespace
}  // namespace rivulet::training
