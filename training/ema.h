// The exponential moving average of the weights: what is exported and sampled.
#pragma once

#include <torch/torch.h>

#include <algorithm>

namespace rivulet::training {

// Grows from 0.1 to `decay`, so that the first random weights are soon forgotten (the warm-up of Tensorflow's
// ExponentialMovingAverage). `step` counts from 0.
inline double emaDecay(double decay, int64_t step) {
  return std::min(decay, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
}

// average = d * average + (1 - d) * value, in place.
inline void emaUpdate(at::Tensor average, const at::Tensor& value, double decay, int64_t step) {
  const torch::NoGradGuard guard;
  average.lerp_(value, 1 - emaDecay(decay, step));
}

}  // namespace rivulet::training
