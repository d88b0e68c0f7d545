// Denoising diffusion (Ho et al. 2020) and its hybrid with a learned variance (Nichol, Dhariwal 2021).
//
// L_simple is the mean square error of what the network says: eps, v or x_0. With a learned variance the network has
// twice the output channels, the second half the share v in [-1, 1] of the way from beta-tilde to beta in the
// logarithm, and the loss gains lambda times the variational bound, from which the mean is detached: the bound trains
// the variance, L_simple the mean.
#pragma once

#include "training/gaussian_diffusion.h"
#include "training/objective.h"
#include "training/timestep_sampler.h"

namespace rivulet::training {

struct DdpmOptions {
  DiffusionOptions diffusion;
  std::string prediction = "epsilon";  // epsilon, v, sample
  bool learnedVariance = false;
  double boundWeight = 0.001;  // lambda, of the bound (a sum over all steps) in bits per dimension
  bool importance = false;     // steps drawn in proportion to their losses, instead of evenly
  double classDropout = 0.1;
  int border = 8;  // pixels along the edges of a crop that the loss leaves out: see FlowOptions
};

class DdpmObjective : public Objective {
 public:
  explicit DdpmObjective(DdpmOptions options);

  std::string name() const override { return "ddpm"; }
  nlohmann::ordered_json summary() const override;
  void configure(TextureUnetConfig& config) const override;
  at::Tensor loss(const ObjectiveStep& step) override;
  // L_simple and, with a learned variance, the bound's estimate.
  Figures heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) override;
  // Sheets by DDIM, eta 0.
  Sheets sheets() const override;
  StateTensors state() const override { return {{"timesteps", sampler_.state()}}; }
  void restore(const StateTensors& state) override;

 private:
  struct Terms {
    at::Tensor simple, bound;  // [N]; the bound's single term times T, undefined without a learned variance
  };
  Terms terms(const TextureUnet& network, const Batch& batch, const at::Tensor& k, double classDropout,
              std::uint64_t seed, std::uint64_t step) const;

  DdpmOptions options_;
  GaussianDiffusion diffusion_;
  TimestepSampler sampler_;
};

// x_0 from noise by DDIM with eta = 0 (Song et al. 2021, (12)), over `steps` of the diffusion's steps from its last to
// its first, evenly; x_0 clipped to [-1, 1] where `clip`. `input` as for sampleEuler.
at::Tensor sampleDdim(const GaussianDiffusion& diffusion, const TextureUnet& network, TextureUnetInput input, int steps,
                      bool clip);

}  // namespace rivulet::training
