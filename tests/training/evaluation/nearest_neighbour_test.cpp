// Distances to the training images: of copies, of copies in another palette, of others.
#include "training/evaluation/nearest_neighbour.h"

#include <cmath>

#include "../scratch.h"
#include "samples.h"

namespace rivulet::training {
namespace {

std::vector<LabelledImage> noiseImages(int count, int size) {
  std::vector<LabelledImage> images;
  for (int i = 0; i < count; ++i) {
    // In blocks of four, so that a coarse view still has structure.
    const at::Tensor coarse = normal({1, 3, size / 4, size / 4}, static_cast<std::uint64_t>(i));
    const at::Tensor pixels = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)[0] * 40 + 128;
    images.push_back({"noise/" + std::to_string(i), 0, pixels.clamp(0, 255).to(at::kByte)});
  }
  return images;
}

TEST(NearestNeighbour, DistanceIsToTheNearest) {
  const at::Tensor bank = at::tensor({0.0f, 0.0f, 10.0f, 0.0f}).view({2, 2});
  const at::Tensor queries = at::tensor({3.0f, 4.0f, 10.0f, 1.0f}).view({2, 2});
  EXPECT_TRUE(at::allclose(nearestDistances(queries, bank), at::tensor({5.0f, 1.0f})));
}

TEST(NearestNeighbour, StructureKnowsACopyInAnyPalette) {
  const auto training = noiseImages(70, 96);  // more than a batch
  const at::Tensor copy = toPlanes(training[68].pixels).narrow(1, 8, 64).narrow(2, 16, 64).unsqueeze(0);
  const at::Tensor other = toPlanes(noiseImages(71, 96)[70].pixels).narrow(1, 8, 64).narrow(2, 16, 64).unsqueeze(0);
  const at::Tensor distances = nearestStructures(at::cat({copy, 0.3 * copy + 0.5, other}), training);
  EXPECT_LT(distances[0].item<float>(), 0.05f);
  EXPECT_LT(distances[1].item<float>(), 0.05f);
  EXPECT_GT(distances[2].item<float>(), 0.8f);
}

TEST(NearestNeighbour, RatioOfMedians) {
  const Estimate e =
      distanceRatio(at::tensor({1.0f, 9.0f, 2.0f}), at::tensor({4.0f, 100.0f, 0.0f}), plainBootstrap(3, 200));
  EXPECT_NEAR(e.value, 0.5, 1e-9);
  EXPECT_LT(e.low, e.value);
  EXPECT_GT(e.high, e.value);
}

}  // namespace
}  // namespace rivulet::training
