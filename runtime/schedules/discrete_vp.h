#pragma once
// A variance-preserving process known at T integer times: alpha^2 = abar_k, sigma^2 = 1 - abar_k.
// Not a sampler and not a choice of steps: see timestep_spacing.h and samplers/noise_grid.h.

#include <vector>

#include "schedules/noise_level.h"

namespace rivulet {

class DiscreteVp {
 public:
  /// abar_k = product over i <= k of (1 - beta_i). Betas and abar are rounded to float32, as the libraries that trained
  /// such models keep them: at abar near 0 or 1 that rounding is visible. Betas lie in (0, 1], at least one.
  explicit DiscreteVp(const std::vector<double>& betas);

  int size() const { return static_cast<int>(alphaBar_.size()); }

  /// abar_k for k in -1..T-1; abar_{-1} = 1 is clean data.
  double alphaBar(int k) const;

  /// Replaces abar_{T-1}; samplers that divide by alpha use 2^-24 for a zero terminal SNR, as diffusers does.
  void setTerminalAlphaBar(double value) { alphaBar_.back() = value; }

  /// The level at integer time k, -1..T-1.
  NoiseLevel at(int k) const;

  /// sigma / alpha at a real time in [0, T-1], linear between the integer times (numpy.interp).
  double ratioAt(double k) const;

  /// The real time whose sigma / alpha is `ratio`, linear in its logarithm, clamped to [0, T-1]. This is the sigma_to_t
  /// of k-diffusion (Crowson), used with Karras spacing.
  double timeOfRatio(double ratio) const;

  /// The level with a given sigma / alpha, at a given time.
  NoiseLevel fromRatio(double ratio, double k) const;

 private:
  double ratio(int k) const;
  std::vector<double> alphaBar_;
};

}  // namespace rivulet
