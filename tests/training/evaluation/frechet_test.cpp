// The Fréchet distance against closed forms: of given moments, and of samples.
#include "training/evaluation/frechet.h"

#include <cmath>

#include "../scratch.h"
#include "samples.h"

namespace rivulet::training {
namespace {

at::Tensor doubles(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble);
}

TEST(FrechetDistance, OfDiagonalGaussians) {
  const Gaussian a{doubles({1, 2, 3}), at::diag(doubles({4, 1, 0}))},
      b{doubles({1, 0, 3}), at::diag(doubles({1, 9, 0}))};
  EXPECT_NEAR(frechetDistance(a, b), 4 + (2 - 1) * (2 - 1) + (3 - 1) * (3 - 1), 1e-9);
  EXPECT_NEAR(frechetDistance(a, a), 0, 1e-9);
}

TEST(FrechetDistance, OfGaussiansWithOtherAxes) {
  // In two dimensions tr((AB)^(1/2)) = sqrt(tr(AB) + 2 sqrt(det A det B)).
  const at::Tensor a = doubles({2, 1, 1, 3}).view({2, 2}), b = doubles({5, -2, -2, 1}).view({2, 2});
  const double trace = 2 * 5 - 2 - 2 + 3, expected = 2 + 3 + 5 + 1 - 2 * std::sqrt(trace + 2 * std::sqrt(5.0 * 1.0));
  EXPECT_NEAR(frechetDistance({doubles({0, 0}), a}, {doubles({0, 0}), b}), expected, 1e-9);
  EXPECT_NEAR(frechetDistance({doubles({0, 0}), b}, {doubles({0, 0}), a}), expected, 1e-9);
}

TEST(FrechetDistance, FitsMomentsOfSamples) {
  const at::Tensor x = at::tensor({0.0f, 0.0f, 2.0f, 0.0f, 1.0f, 3.0f}).view({3, 2});
  const Gaussian fit = fitGaussian(x);
  EXPECT_TRUE(at::allclose(fit.mean, doubles({1, 1})));
  EXPECT_TRUE(at::allclose(fit.covariance, doubles({1, 0, 0, 3}).view({2, 2})));
}

TEST(FrechetDistance, OfSamplesIsThatOfTheirDistributions) {
  const at::Tensor x = normal({4000, 3}, 1), y = 2 * normal({4000, 3}, 2) + 1;
  const Estimate e = frechetDistance(x, y, plainBootstrap(4000, 50));
  EXPECT_NEAR(e.value, 3 * 1 + 3 * 1, 0.3);
  EXPECT_LT(e.low, e.value);
  EXPECT_GT(e.high, e.value);
  EXPECT_NEAR(e.value, frechetDistance(fitGaussian(x), fitGaussian(y)), 1e-9);
}

}  // namespace
}  // namespace rivulet::training
