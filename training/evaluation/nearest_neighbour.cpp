#include "training/evaluation/nearest_neighbour.h"

#include <algorithm>

namespace rivulet::training {
namespace {

constexpr int64_t kBatch = 64;  // training images at once: keeps their windows in tens of megabytes

at::Tensor luminance(const at::Tensor& images) {
  if (images.size(1) != 3) return images;
  const at::Tensor weights = at::tensor({0.2126f, 0.7152f, 0.0722f}).view({1, 3, 1, 1});
  return (images * weights).sum(1, true);
}

// Rows without mean and of length 1; a flat one becomes nearly 0, and so correlates with nothing.
at::Tensor standardised(const at::Tensor& rows) {
  const at::Tensor centred = rows - rows.mean(1, true);
  return centred / (centred.norm(2, 1, true) + 1e-3);
}

// For each row of `weights` [r, n] the first of the sorted values at which half of the weight is reached.
at::Tensor weightedMedians(const at::Tensor& values, const at::Tensor& weights) {
  const auto [sorted, order] = values.to(at::kDouble).sort();
  const at::Tensor reached = weights.index_select(1, order).cumsum(1) >= 0.5 * weights.sum(1, true);
  return sorted.index_select(0, reached.to(at::kInt).argmax(1));
}

}  // namespace

at::Tensor nearestDistances(const at::Tensor& queries, const at::Tensor& bank) {
  return at::cdist(queries, bank, 2.0, 2).amin(1);  // 2: by differences, as products lose small distances to rounding
}

at::Tensor nearestStructures(const at::Tensor& queries, const std::vector<LabelledImage>& training) {
  const int64_t factor = std::max<int64_t>(1, queries.size(2) / 16), side = queries.size(2) / factor;
  const at::Tensor wanted = standardised(at::avg_pool2d(luminance(queries), factor).flatten(1));
  at::Tensor best = at::full({queries.size(0)}, -1.0f);
  for (std::size_t first = 0; first < training.size();) {
    // Images of one size are taken together.
    std::vector<at::Tensor> batch;
    const auto size = training[first].pixels.sizes();
    while (first < training.size() && batch.size() < kBatch && training[first].pixels.sizes() == size) {
      batch.push_back(training[first++].pixels);
    }
    const at::Tensor coarse = at::avg_pool2d(luminance(toPlanes(at::stack(batch))), factor);
    const at::Tensor windows = coarse.unfold(2, side, 1).unfold(3, side, 1).reshape({-1, side * side});
    best = at::maximum(best, at::mm(wanted, standardised(windows).t()).amax(1));
  }
  return (2 - 2 * best).clamp_min(0).sqrt();
}

Estimate distanceRatio(const at::Tensor& distances, const at::Tensor& heldOut, const Bootstrap& bootstrap) {
  const auto one = [](const at::Tensor& values) {
    return weightedMedians(values, at::ones({1, values.size(0)}, at::kDouble)).item<double>();
  };
  const double reference = one(heldOut);
  return bootstrap.around(one(distances) / reference, weightedMedians(distances, bootstrap.weights()) / reference);
}

}  // namespace rivulet::training
