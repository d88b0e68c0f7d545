#include "training/coupling.h"

#include <limits>
#include <map>

namespace rivulet::training {

std::vector<int64_t> assign(const std::vector<double>& cost, int64_t size) {
  // Kuhn 1955 as a series of shortest augmenting paths; index 0 of each array is a sentinel.
  const auto n = static_cast<std::size_t>(size);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> rowPotential(n + 1), columnPotential(n + 1);
  std::vector<std::size_t> rowOf(n + 1), previous(n + 1);
  for (std::size_t row = 1; row <= n; ++row) {
    rowOf[0] = row;
    std::size_t column = 0;
    std::vector<double> slack(n + 1, kInfinity);
    std::vector<bool> used(n + 1);
    do {
      used[column] = true;
      const std::size_t current = rowOf[column];
      double least = kInfinity;
      std::size_t next = 0;
      for (std::size_t j = 1; j <= n; ++j) {
        if (used[j]) continue;
        const double reduced = cost[(current - 1) * n + j - 1] - rowPotential[current] - columnPotential[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          previous[j] = column;
        }
        if (slack[j] < least) {
          least = slack[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= n; ++j) {
        if (used[j]) {
          rowPotential[rowOf[j]] += least;
          columnPotential[j] -= least;
        } else {
          slack[j] -= least;
        }
      }
      column = next;
    } while (rowOf[column] != 0);
    while (column != 0) {
      rowOf[column] = rowOf[previous[column]];
      column = previous[column];
    }
  }
  std::vector<int64_t> columnOfRow(n);
  for (std::size_t j = 1; j <= n; ++j) columnOfRow[rowOf[j] - 1] = static_cast<int64_t>(j) - 1;
  return columnOfRow;
}

at::Tensor coupleNoise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& label) {
  std::map<int64_t, std::vector<int64_t>> groups;
  const at::Tensor labels = label.to(at::kLong).contiguous();
  for (int64_t n = 0; n < labels.size(0); ++n) groups[labels.data_ptr<int64_t>()[n]].push_back(n);
  at::Tensor result = noise.clone();
  for (const auto& [name, members] : groups) {
    const auto size = static_cast<int64_t>(members.size());
    if (size < 2) continue;
    const at::Tensor index = at::tensor(members, at::kLong);
    const at::Tensor images = x0.index_select(0, index).flatten(1), noises = noise.index_select(0, index).flatten(1);
    // |a - b|^2 = |a|^2 + |b|^2 - 2ab, and the squares do not depend on the pairing.
    const at::Tensor product = at::matmul(images, noises.t()).to(at::kDouble).mul(-1).contiguous();
    const double* values = product.data_ptr<double>();
    const auto pairing = assign(std::vector<double>(values, values + size * size), size);
    for (int64_t i = 0; i < size; ++i) {
      const int64_t from = members[static_cast<std::size_t>(pairing[static_cast<std::size_t>(i)])];
      result[members[static_cast<std::size_t>(i)]].copy_(noise[from]);
    }
  }
  return result;
}

}  // namespace rivulet::training
