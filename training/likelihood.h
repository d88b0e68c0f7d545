// How well a diffusion model compresses pictures: the variational bound on -log2 p(x_0) per dimension (Ho et al. 2020,
// (5) and section 3.3), summed over all its steps.
#pragma once

#include <functional>

#include "training/dataset.h"
#include "training/gaussian_diffusion.h"
#include "training/objective.h"
#include "training/texture_unet.h"

namespace rivulet::training {

// In bits per dimension, means over the pictures. total = prior + decoder + all of `steps`.
struct Likelihood {
  double total = 0, prior = 0, decoder = 0;
  std::vector<double> steps;  // L_k, k = 1 .. T - 1
};

enum class Variance { Learned, Beta, BetaTilde };

// Of pictures in [-1, 1] that were bytes, `batch.x0`. `evenly`: every how many-th step is evaluated and stands for
// those up to the next; 1: all of them, which is exact. x_0 is clipped to [-1, 1]. `progress` is told the part done.
// Throws Error where the network does not have what `variance` asks for.
Likelihood likelihood(const GaussianDiffusion& diffusion, const TextureUnet& network, const Batch& batch,
                      Variance variance, int evenly, std::uint64_t seed,
                      const std::function<void(double)>& progress = {});

}  // namespace rivulet::training
