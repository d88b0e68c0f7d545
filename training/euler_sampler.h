// Samples from noise with a network that returns x_0: what the runtime's flow_euler plan does.
#pragma once

#include <functional>

#include "training/texture_unet.h"

namespace rivulet::training {

// From noise, `input`.x, to samples [N,C,H,W] in `steps` steps.
using Sampler = std::function<at::Tensor(const TextureUnet& network, TextureUnetInput input, int steps)>;

// The step from t to s: x_s = (s/t) x_t + (1 - s/t) x0_hat. Times are [N] or broadcast with x; t > 0.
at::Tensor eulerStep(const at::Tensor& x, const at::Tensor& t, const at::Tensor& s, const at::Tensor& x0);

// From t = 1 to 0 in `steps` equal steps. `input` lacks t, and s where the network has a target time: a flow map is
// told where each step goes. Its x is the noise; its guidance is needed where the network has that input. Returns
// [N,C,H,W].
at::Tensor sampleEuler(const TextureUnet& network, TextureUnetInput input, int steps);

}  // namespace rivulet::training
