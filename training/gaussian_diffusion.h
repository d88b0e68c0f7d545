// The variance-preserving process in T discrete steps, q(x_k | x_0) = N(sqrt(abar_k) x_0, 1 - abar_k), its posterior,
// and the terms of the variational bound. Ho et al. 2020, "Denoising diffusion probabilistic models" (equations by
// number below), and Nichol, Dhariwal 2021, "Improved denoising diffusion probabilistic models" (cosine schedule,
// learned variance). Steps count from 0; the papers' t is k + 1.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rivulet::training {

struct DiffusionOptions {
  std::string schedule = "vp_linear";  // or vp_cosine: the runtime's names
  int steps = 1000;                    // T
};

class GaussianDiffusion {
 public:
  // Throws Error for an unknown schedule or fewer than two steps.
  explicit GaussianDiffusion(const DiffusionOptions& options);

  int steps() const { return static_cast<int>(betas_.size()); }
  // The weight file's `schedule`.
  nlohmann::ordered_json json() const;

  double beta(int k) const { return betas_.at(static_cast<std::size_t>(k)); }
  double alphaBar(int k) const { return k < 0 ? 1.0 : alphaBars_.at(static_cast<std::size_t>(k)); }
  // beta-tilde_k (7), the posterior's variance; it is 0 at k = 0, where that of k = 1 stands in for it, having a
  // logarithm.
  double posteriorVariance(int k) const;
  // The t a network is told: (k + 1) / T, in the units of the runtime's schedules.
  double time(int k) const { return (k + 1.0) / steps(); }

  // Coefficients for k [N] int64 as [N,1,1,1] float, on k's device.
  at::Tensor alpha(const at::Tensor& k) const;  // sqrt(abar_k)
  at::Tensor sigma(const at::Tensor& k) const;  // sqrt(1 - abar_k)

  // What a network is to say: eps, alpha eps - sigma x_0 ("v", Salimans, Ho 2022), or x_0.
  at::Tensor target(const std::string& prediction, const at::Tensor& x0, const at::Tensor& noise,
                    const at::Tensor& k) const;
  // And the x_0 that follows from what it said of x_k.
  at::Tensor x0(const std::string& prediction, const at::Tensor& x, const at::Tensor& said, const at::Tensor& k) const;

  // log of the variance between beta-tilde (share 0) and beta (share 1), interpolated in its logarithm (Nichol,
  // Dhariwal (15)); `share` broadcasts.
  at::Tensor logVariance(const at::Tensor& share, const at::Tensor& k) const;

  // One term of the bound for each sample, in bits per dimension [N]: (5)'s L_{k} = KL(q(x_{k-1} | x_k, x_0) || p), or
  // at k = 0 the decoder, x_0 in 256 equal bins of [-1, 1] (13). `guess` is the network's x_0.
  at::Tensor boundTerm(const at::Tensor& x0, const at::Tensor& x, const at::Tensor& guess,
                       const at::Tensor& logVariance, const at::Tensor& k) const;
  // L_T, KL(q(x_T | x_0) || N(0, I)): nothing of it is learned.
  at::Tensor priorTerm(const at::Tensor& x0) const;

 private:
  at::Tensor gather(const std::vector<double>& values, const at::Tensor& k) const;

  std::string schedule_;
  std::vector<double> betas_, alphaBars_, alphas_, sigmas_, posteriorVariances_;
  std::vector<double> posteriorX0_, posteriorX_;  // the posterior's mean (7) is their mix of x_0 and x_k
};

// KL(N(mean1, exp(log1)) || N(mean2, exp(log2))) of each value, in nats.
at::Tensor normalKl(const at::Tensor& mean1, const at::Tensor& log1, const at::Tensor& mean2, const at::Tensor& log2);

// log probability that a normal variable falls into the bin of `x`, one of 256 in [-1, 1]; the outermost are open.
at::Tensor discretisedLogLikelihood(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& logVariance);

}  // namespace rivulet::training
