#pragma once
#include <vector>

namespace rivulet {

/// Betas whose square roots are equally spaced from sqrt(start) to sqrt(end): the schedule of latent diffusion (Rombach
/// et al., CVPR 2022, published code; 0.00085 to 0.012 over 1000 steps). steps >= 1.
std::vector<double> vpScaledLinearBetas(int steps, double start, double end);

}  // namespace rivulet
