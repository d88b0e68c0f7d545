#include "training/evaluation/frechet.h"

#include "training/error.h"

namespace rivulet::training {
namespace {

// Eigenvalues of a covariance are not negative; those computed may be by rounding.
at::Tensor symmetricRoot(const at::Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return at::mm(vectors * values.clamp_min(0).sqrt(), vectors.t());
}

// `root` is the root of b's covariance: (C_b^(1/2) C_a C_b^(1/2)) has the same trace of its root as the other order.
double distance(const Gaussian& a, const Gaussian& b, const at::Tensor& root) {
  at::Tensor product = at::mm(at::mm(root, a.covariance), root);
  product = 0.5 * (product + product.t());
  const at::Tensor cross = at::linalg_eigvalsh(product).clamp_min(0).sqrt().sum();
  return ((a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * cross).item<double>();
}

Gaussian fitWeighted(const at::Tensor& features, const at::Tensor& weights) {
  const at::Tensor total = weights.sum(), mean = at::mv(features.t(), weights) / total;
  const at::Tensor centred = features - mean;
  return {mean, at::mm(centred.t(), centred * weights.unsqueeze(1)) / (total - 1)};
}

}  // namespace

Gaussian fitGaussian(const at::Tensor& features) {
  if (features.size(0) < 2) throw Error("the Fréchet distance needs at least two images on both sides");
  return fitWeighted(features.to(at::kDouble), at::ones({features.size(0)}, at::kDouble));
}

double frechetDistance(const Gaussian& a, const Gaussian& b) {
  return distance(a, b, symmetricRoot(b.covariance));
}

Estimate frechetDistance(const at::Tensor& x, const at::Tensor& y, const Bootstrap& bootstrap) {
  const Gaussian b = fitGaussian(y);
  const at::Tensor root = symmetricRoot(b.covariance), features = x.to(at::kDouble);
  const double value = distance(fitGaussian(x), b, root);
  at::Tensor drawn = at::empty({bootstrap.weights().size(0)}, at::kDouble);
  for (int64_t r = 0; r < drawn.size(0); ++r) {
    drawn[r] = distance(fitWeighted(features, bootstrap.weights()[r]), b, root);
  }
  return bootstrap.around(value, drawn);
}

}  // namespace rivulet::training
