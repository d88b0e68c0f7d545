#pragma once
#include <vector>

namespace rivulet {

/// Betas of the cosine schedule, diffusers' squaredcos_cap_v2: Nichol and Dhariwal, "Improved denoising diffusion
/// probabilistic models", ICML 2021, equation 17, with abar(u) = cos((u + 0.008) / 1.008 * pi / 2)^2,
/// beta_k = min(1 - abar((k + 1) / T) / abar(k / T), 0.999). steps >= 1.
std::vector<double> vpCosineBetas(int steps);

}  // namespace rivulet
