#pragma once
#include <vector>

namespace rivulet {

/// Betas equally spaced from `start` to `end`, both included: Ho, Jain, Abbeel, "Denoising diffusion probabilistic
/// models", NeurIPS 2020, section 4 (1e-4 to 0.02 over 1000 steps). steps >= 1.
std::vector<double> vpLinearBetas(int steps, double start, double end);

}  // namespace rivulet
