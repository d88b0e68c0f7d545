#include "training/euler_sampler.h"

namespace rivulet::training {

at::Tensor eulerStep(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, const at::Tensor& x0) {
  const at::Tensor kept = (s / t).view({-1, 1, 1, 1});
  return kept * x + (1 - kept) * x0;
}

at::Tensor sampleEuler(const TextureUnet& network, TextureUnetInput input, int steps) {
  const torch::NoGradGuard guard;
  at::Tensor x = input.x;
  for (int i = 0; i < steps; ++i) {
    const double t = 1.0 - static_cast<double>(i) / steps, s = 1.0 - static_cast<double>(i + 1) / steps;
    input.x = x;
    input.t = at::full({x.size(0)}, t, x.options());
    if (network.config().targetTime) input.targetTime = at::full({x.size(0)}, s, x.options());
    x = s / t * x + (1 - s / t) * network.forward(input);
  }
  return x;
}

}  // namespace rivulet::training
