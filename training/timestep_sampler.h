// Which steps k of a diffusion a batch is trained on, and the weights that keep the mean over all steps unbiased.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "training/random.h"

namespace rivulet::training {

// Uniform, or in proportion to sqrt(E[L_k^2]) of the last ten losses seen of each step, once all have ten (Nichol,
// Dhariwal 2021, section 3.3): for losses that differ much from step to step, as the bound's do.
class TimestepSampler {
 public:
  TimestepSampler(int steps, bool importance);

  struct Draw {
    at::Tensor k;       // [N] int64
    at::Tensor weight;  // [N]: 1 / (T p_k)
  };
  Draw draw(int64_t count, Random& random) const;
  // Losses [N] of the steps k [N], unweighted.
  void observe(const at::Tensor& k, const at::Tensor& losses);

  // All it remembers [T, 11] float: the losses and how many there are. For checkpoints.
  const at::Tensor& state() const { return history_; }
  void restore(const at::Tensor& state);

 private:
  std::vector<double> probabilities() const;

  int steps_;
  bool importance_;
  at::Tensor history_;
};

}  // namespace rivulet::training
