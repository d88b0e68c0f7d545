// Adam (Kingma and Ba 2015, with bias correction) on one flat vector, with clipping by the global norm.
#pragma once

#include <torch/torch.h>

namespace rivulet::training {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8;
  double clip = 1.0;  // largest gradient norm
};

class Adam {
 public:
  Adam(const at::Tensor& parameters, AdamOptions options);

  // Moves `parameters` in place; `grad` is scaled in place where clipped. `step` counts from 0. Returns the gradient's
  // norm before clipping.
  double update(at::Tensor parameters, at::Tensor grad, double learningRate, int64_t step);

  at::Tensor mean, square;  // the moments: what a checkpoint keeps

 private:
  AdamOptions options_;
};

}  // namespace rivulet::training
