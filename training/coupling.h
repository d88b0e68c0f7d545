// Minibatch optimal transport: which noise goes with which image.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace rivulet::training {

// Exact least-cost assignment of rows to columns of a square matrix (row major): result[row] = column.
// Hungarian method with potentials, O(n^3).
std::vector<int64_t> assign(const std::vector<double>& cost, int64_t size);

// Permutes `noise` among the samples of equal `label` so that the sum of squared distances to x0 is least. CPU tensors.
at::Tensor coupleNoise(const at::Tensor& x0, const at::Tensor& noise, const at::Tensor& label);

}  // namespace rivulet::training
