// The kernel distance: Bińkowski, Sutherland, Arbel, Gretton, "Demystifying MMD GANs", ICLR 2018.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "training/evaluation/bootstrap.h"

namespace rivulet::training {

// Features, and the group each row is of.
struct FeatureSample {
  at::Tensor features;      // [n, d]
  std::vector<int> groups;  // [n]; empty: all of one group
};

// The unbiased estimate of the squared maximum mean discrepancy (Gretton et al., JMLR 2012, equation 3) with the kernel
// k(a, b) = (a . b / d + 1)^3, over all pairs rather than over blocks:
//   sum_{i != j} k(x_i, x_j) / (n (n - 1)) + sum_{i != j} k(y_i, y_j) / (m (m - 1)) - 2 mean_{i, j} k(x_i, y_j)
// That is for independent samples. Where a fixed number is drawn from each of several groups (so many crops of each
// image), pairs of one group are rarer among i != j than among independent draws, and the estimate would be too low:
// they are weighted up, to sum_g n_g^2 of the n^2 pairs. With one group this is the formula above; where no group has
// two samples, it is too.
// At least two samples on each side. The expectation is 0 for samples of one distribution: it can be negative.
// `bootstrap` resamples x; y is taken as it is.
Estimate kernelDistance(const FeatureSample& x, const FeatureSample& y, const Bootstrap& bootstrap);

}  // namespace rivulet::training
