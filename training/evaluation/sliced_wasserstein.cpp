#include "training/evaluation/sliced_wasserstein.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "training/error.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

constexpr int64_t kPatch = 7;
constexpr int64_t kSmallestSide = 2 * kPatch;

// [1 4 6 4 1] / 16 in both directions, the border mirrored.
at::Tensor blurred(const at::Tensor& images) {
  const int64_t channels = images.size(1);
  const at::Tensor row = at::tensor({1.0f, 4.0f, 6.0f, 4.0f, 1.0f}) / 16.0f;
  const at::Tensor kernel = at::outer(row, row).expand({channels, 1, 5, 5});
  const std::vector<int64_t> one = {1, 1}, none = {0, 0};
  return at::conv2d(at::reflection_pad2d(images, {2, 2, 2, 2}), kernel, at::Tensor(), one, none, one, channels);
}

at::Tensor halved(const at::Tensor& images) {
  return blurred(images).slice(2, 0, images.size(2), 2).slice(3, 0, images.size(3), 2);
}

at::Tensor doubled(const at::Tensor& images) {
  at::Tensor sparse =
      at::zeros({images.size(0), images.size(1), 2 * images.size(2), 2 * images.size(3)}, images.options());
  sparse.slice(2, 0, sparse.size(2), 2).slice(3, 0, sparse.size(3), 2).copy_(images);
  return 4 * blurred(sparse);
}

// The Wasserstein-1 distance on a line, the integral of |F - G| (Vallender 1974), between `values` [n], of which image
// i has `perImage`, and the sorted `reference` [m]; for several weightings of the images at once. `weights` [images, r]
// has columns that sum to 1 over all values. Adds to `sums` [r].
void addDistances(const float* values, int64_t n, int64_t perImage, const float* reference, int64_t m,
                  const std::vector<double>& weights, std::size_t r, std::vector<double>& sums) {
  std::vector<std::pair<float, int64_t>> sorted(static_cast<std::size_t>(n));
  for (int64_t i = 0; i < n; ++i) sorted[static_cast<std::size_t>(i)] = {values[i], i / perImage};
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> ahead(r);  // F - G so far
  const double step = 1.0 / static_cast<double>(m);
  std::size_t i = 0;
  int64_t j = 0;
  double at = 0;
  for (bool first = true; i < sorted.size() || j < m; first = false) {
    const bool own = j == m || (i < sorted.size() && sorted[i].first <= reference[j]);
    const double next = static_cast<double>(own ? sorted[i].first : reference[j]);
    const double gap = first ? 0.0 : next - at;
    at = next;
    if (gap > 0) {
      for (std::size_t k = 0; k < r; ++k) sums[k] += std::abs(ahead[k]) * gap;
    }
    if (own) {
      const double* weight = &weights[static_cast<std::size_t>(sorted[i].second) * r];
      for (std::size_t k = 0; k < r; ++k) ahead[k] += weight[k];
      ++i;
    } else {
      for (std::size_t k = 0; k < r; ++k) ahead[k] -= step;
      ++j;
    }
  }
}

}  // namespace

std::vector<at::Tensor> laplacianPyramid(const at::Tensor& images) {
  std::vector<at::Tensor> levels;
  at::Tensor current = images.to(at::kFloat);
  const auto halves = [](int64_t side) { return side % 2 == 0 && side / 2 >= kSmallestSide; };
  while (halves(current.size(2)) && halves(current.size(3))) {
    const at::Tensor coarse = halved(current);
    levels.push_back(current - doubled(coarse));
    current = coarse;
  }
  levels.push_back(current);
  return levels;
}

SlicedWasserstein::SlicedWasserstein(const at::Tensor& reference, const SlicedWassersteinOptions& options)
    : options_(options) {
  if (reference.size(2) < kSmallestSide || reference.size(3) < kSmallestSide) {
    throw Error("the sliced Wasserstein distance needs pictures of at least 14x14 pixels");
  }
  const std::vector<at::Tensor> pyramid = laplacianPyramid(reference);
  const int64_t channels = reference.size(1), size = channels * kPatch * kPatch;
  for (std::size_t i = 0; i < pyramid.size(); ++i) {
    const at::Tensor own = patches(pyramid[i], static_cast<int>(i));
    Level level;
    level.mean = own.mean(at::IntArrayRef({0, 2}), true);
    level.deviation = own.std(at::IntArrayRef({0, 2}), false, true).clamp_min(1e-6);
    level.directions = at::empty({size, options_.directions}, at::kFloat);
    for (int64_t d = 0; d < options_.directions; ++d) {
      Random random{options_.seed, 0xd1, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(d)};
      for (int64_t k = 0; k < size; ++k) level.directions[k][d] = static_cast<float>(random.normal());
    }
    level.directions /= level.directions.norm(2, 0, true);
    level.projections = std::get<0>(project(level, own).sort(1)).contiguous();
    levels_.push_back(std::move(level));
  }
}

// [images * patchesPerImage, C, 49].
at::Tensor SlicedWasserstein::patches(const at::Tensor& level, int index) const {
  const int64_t count = level.size(0), channels = level.size(1), height = level.size(2), width = level.size(3);
  const at::Tensor source = level.contiguous();
  at::Tensor result = at::empty({count * options_.patchesPerImage, channels, kPatch * kPatch}, at::kFloat);
  const float* from = source.data_ptr<float>();
  float* to = result.data_ptr<float>();
  for (int64_t n = 0; n < count; ++n) {
    Random random{options_.seed, 0x9a7c, static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(n)};
    for (int p = 0; p < options_.patchesPerImage; ++p) {
      const int64_t top = random.below(static_cast<int>(height - kPatch + 1));
      const int64_t left = random.below(static_cast<int>(width - kPatch + 1));
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t y = 0; y < kPatch; ++y) {
          const float* row = from + ((n * channels + c) * height + top + y) * width + left;
          to = std::copy(row, row + kPatch, to);
        }
      }
    }
  }
  return result;
}

// [D, patches].
at::Tensor SlicedWasserstein::project(const Level& level, const at::Tensor& patches) const {
  return at::mm(((patches - level.mean) / level.deviation).flatten(1), level.directions).t().contiguous();
}

SlicedWassersteinResult SlicedWasserstein::distance(const at::Tensor& images, const Bootstrap& bootstrap) const {
  const std::vector<at::Tensor> pyramid = laplacianPyramid(images);
  if (pyramid.size() != levels_.size()) throw Error("the pictures compared are not of the reference's size");
  // Column 0 is the sample itself, the others are draws from it.
  const at::Tensor columns =
      at::cat({at::ones({1, images.size(0)}, at::kDouble), bootstrap.weights()}).t().contiguous();
  const at::Tensor scaled = columns / (columns.sum(0, true) * static_cast<double>(options_.patchesPerImage));
  const std::vector<double> weights(scaled.data_ptr<double>(), scaled.data_ptr<double>() + scaled.numel());
  const auto r = static_cast<std::size_t>(columns.size(1));

  SlicedWassersteinResult result;
  std::vector<double> total(r);
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const Level& level = levels_[i];
    const at::Tensor own = project(level, patches(pyramid[i], static_cast<int>(i)));
    const int64_t n = own.size(1), m = level.projections.size(1);
    // Summed in the order of the directions, whatever the number of threads.
    std::vector<std::vector<double>> sums(static_cast<std::size_t>(options_.directions), std::vector<double>(r));
    at::parallel_for(0, options_.directions, 1, [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) {
        addDistances(own.data_ptr<float>() + d * n, n, options_.patchesPerImage,
                     level.projections.data_ptr<float>() + d * m, m, weights, r, sums[static_cast<std::size_t>(d)]);
      }
    });
    double here = 0;
    for (const std::vector<double>& sum : sums) {
      here += sum[0] / options_.directions;
      for (std::size_t k = 0; k < r; ++k) {
        total[k] += sum[k] / static_cast<double>(options_.directions) / static_cast<double>(levels_.size());
      }
    }
    result.levels.push_back(here);
  }
  const at::Tensor drawn = at::from_blob(total.data() + 1, {static_cast<int64_t>(r) - 1}, at::kDouble);
  result.mean = bootstrap.around(total[0], drawn);
  return result;
}

}  // namespace rivulet::training
