#include "training/evaluation/kid.h"

#include "training/error.h"

namespace rivulet::training {
namespace {

at::Tensor kernel(const at::Tensor& a, const at::Tensor& b) {
  return (at::mm(a, b.t()) / static_cast<double>(a.size(1)) + 1.0).pow(3);
}

// What the kernel's mean over pairs of one side is computed from, for any weighting of the samples.
class Within {
 public:
  explicit Within(const FeatureSample& sample) {
    const at::Tensor x = sample.features.to(at::kDouble);
    const int64_t n = x.size(0);
    at::Tensor same = at::ones({n, n}, at::kDouble);
    if (!sample.groups.empty()) {
      const at::Tensor groups = at::tensor(sample.groups, at::kInt);
      const at::Tensor equal = (groups.unsqueeze(1) == groups.unsqueeze(0)).to(at::kDouble);
      if (equal.sum().item<double>() > static_cast<double>(n)) same = equal;
    }
    const at::Tensor k = kernel(x, x);
    sameGroup_ = same;
    kernelSame_ = k * same;
    kernelSame_.fill_diagonal_(0);  // k(x_i, x_i) is not a pair
    kernelOther_ = k * (1 - same);
  }

  // `w` [r, n] -> [r]. A sample that was drawn twice makes no pair with its own copy.
  at::Tensor mean(const at::Tensor& w) const {
    const auto form = [&](const at::Tensor& matrix) { return (at::mm(w, matrix) * w).sum(1); };
    const at::Tensor wanted = form(sameGroup_), there = wanted - w.square().sum(1);
    return (form(kernelOther_) + form(kernelSame_) * wanted / there) / w.sum(1).square();
  }

 private:
  at::Tensor sameGroup_, kernelSame_, kernelOther_;  // [n, n]
};

}  // namespace

Estimate kernelDistance(const FeatureSample& x, const FeatureSample& y, const Bootstrap& bootstrap) {
  const int64_t n = x.features.size(0), m = y.features.size(0);
  if (n < 2 || m < 2) throw Error("the kernel distance needs at least two images on both sides");
  const at::Tensor across = kernel(x.features.to(at::kDouble), y.features.to(at::kDouble)).mean(1);
  const double ofY = Within(y).mean(at::ones({1, m}, at::kDouble)).item<double>();
  const Within ofX(x);
  const auto distance = [&](const at::Tensor& w) { return ofX.mean(w) + ofY - 2 * at::mv(w, across) / w.sum(1); };
  return bootstrap.around(distance(at::ones({1, n}, at::kDouble)).item<double>(), distance(bootstrap.weights()));
}

}  // namespace rivulet::training
