#include "training/gaussian_diffusion.h"

#include <algorithm>
#include <cmath>

#include "training/error.h"

namespace rivulet::training {
namespace {

constexpr double kBetaStart = 1e-4, kBetaEnd = 0.02;  // Ho et al., section 4
constexpr double kBin = 2.0 / 255.0;

std::vector<double> linearBetas(int steps) {
  std::vector<double> betas;
  for (int k = 0; k < steps; ++k) betas.push_back(kBetaStart + (kBetaEnd - kBetaStart) * k / (steps - 1));
  return betas;
}

// Nichol, Dhariwal (17).
std::vector<double> cosineBetas(int steps) {
  const auto alphaBar = [steps](int k) {
    const double c = std::cos((static_cast<double>(k) / steps + 0.008) / 1.008 * 1.5707963267948966);
    return c * c;
  };
  std::vector<double> betas;
  for (int k = 0; k < steps; ++k) betas.push_back(std::min(1.0 - alphaBar(k + 1) / alphaBar(k), 0.999));
  return betas;
}

// The standard normal's distribution function.
at::Tensor normalCdf(const at::Tensor& x) {
  return 0.5 * (1 + at::erf(x * 0.7071067811865476));
}

at::Tensor bitsPerDimension(const at::Tensor& nats) {
  return nats.mean({1, 2, 3}) * 1.4426950408889634;
}

}  // namespace

GaussianDiffusion::GaussianDiffusion(const DiffusionOptions& options) : schedule_(options.schedule) {
  if (options.steps < 2) {
    throw Error("a diffusion of " + std::to_string(options.steps) + " steps: at least 2 are needed");
  }
  if (schedule_ == "vp_linear") {
    betas_ = linearBetas(options.steps);
  } else if (schedule_ == "vp_cosine") {
    betas_ = cosineBetas(options.steps);
  } else {
    throw Error("unknown schedule " + schedule_ + " (vp_linear or vp_cosine)");
  }
  double bar = 1.0;
  for (const double beta : betas_) {
    const double before = bar;
    bar *= 1.0 - beta;
    alphaBars_.push_back(bar);
    alphas_.push_back(std::sqrt(bar));
    sigmas_.push_back(std::sqrt(1.0 - bar));
    posteriorVariances_.push_back(beta * (1.0 - before) / (1.0 - bar));
    posteriorX0_.push_back(std::sqrt(before) * beta / (1.0 - bar));
    posteriorX_.push_back(std::sqrt(1.0 - beta) * (1.0 - before) / (1.0 - bar));
  }
  posteriorVariances_[0] = posteriorVariances_[1];
}

nlohmann::ordered_json GaussianDiffusion::json() const {
  nlohmann::ordered_json schedule = {{"kind", schedule_}, {"train_timesteps", steps()}};
  if (schedule_ == "vp_linear") schedule.update({{"beta_start", kBetaStart}, {"beta_end", kBetaEnd}});
  return schedule;
}

double GaussianDiffusion::posteriorVariance(int k) const {
  return posteriorVariances_.at(static_cast<std::size_t>(k));
}

at::Tensor GaussianDiffusion::gather(const std::vector<double>& values, const at::Tensor& k) const {
  const at::Tensor table = at::from_blob(const_cast<double*>(values.data()), {static_cast<int64_t>(values.size())},
                                         at::TensorOptions().dtype(at::kDouble));
  return table.index_select(0, k.to(at::kCPU)).to(k.device(), at::kFloat).view({-1, 1, 1, 1});
}

at::Tensor GaussianDiffusion::alpha(const at::Tensor& k) const {
  return gather(alphas_, k);
}

at::Tensor GaussianDiffusion::sigma(const at::Tensor& k) const {
  return gather(sigmas_, k);
}

at::Tensor GaussianDiffusion::target(const std::string& prediction, const at::Tensor& x0, const at::Tensor& noise,
                                     const at::Tensor& k) const {
  if (prediction == "epsilon") return noise;
  if (prediction == "v") return alpha(k) * noise - sigma(k) * x0;
  return x0;
}

at::Tensor GaussianDiffusion::x0(const std::string& prediction, const at::Tensor& x, const at::Tensor& said,
                                 const at::Tensor& k) const {
  if (prediction == "epsilon") return (x - sigma(k) * said) / alpha(k);
  if (prediction == "v") return alpha(k) * x - sigma(k) * said;
  return said;
}

at::Tensor GaussianDiffusion::logVariance(const at::Tensor& share, const at::Tensor& k) const {
  const at::Tensor least = gather(posteriorVariances_, k).log(), most = gather(betas_, k).log();
  return share * most + (1 - share) * least;
}

at::Tensor GaussianDiffusion::boundTerm(const at::Tensor& x0, const at::Tensor& x, const at::Tensor& guess,
                                        const at::Tensor& logVariance, const at::Tensor& k) const {
  const at::Tensor ofX0 = gather(posteriorX0_, k), ofX = gather(posteriorX_, k) * x;
  const at::Tensor mean = ofX0 * guess + ofX;
  const at::Tensor divergence =
      normalKl(ofX0 * x0 + ofX, gather(posteriorVariances_, k).log().expand_as(x0), mean, logVariance);
  const at::Tensor decoder = -discretisedLogLikelihood(x0, mean, logVariance);
  return at::where(k == 0, bitsPerDimension(decoder), bitsPerDimension(divergence));
}

at::Tensor GaussianDiffusion::priorTerm(const at::Tensor& x0) const {
  const double alpha = alphas_.back(), logVariance = std::log(1.0 - alphaBars_.back());
  const at::Tensor zero = at::zeros_like(x0);
  return bitsPerDimension(normalKl(alpha * x0, zero + logVariance, zero, zero));
}

at::Tensor normalKl(const at::Tensor& mean1, const at::Tensor& log1, const at::Tensor& mean2, const at::Tensor& log2) {
  return 0.5 * (log2 - log1 - 1 + (log1 - log2).exp() + (mean1 - mean2).square() * (-log2).exp());
}

at::Tensor discretisedLogLikelihood(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& logVariance) {
  constexpr double kLeast = 1e-12;  // of a probability that is to have a logarithm
  const at::Tensor inverse = (-0.5 * logVariance).exp();
  const at::Tensor upper = normalCdf((x - mean + kBin / 2) * inverse);
  const at::Tensor lower = normalCdf((x - mean - kBin / 2) * inverse);
  const at::Tensor outermost = 1 - kBin / 2 + at::zeros_like(x);
  const at::Tensor probability = at::where(x < -outermost, upper, at::where(x > outermost, 1 - lower, upper - lower));
  return probability.clamp_min(kLeast).log();
}

}  // namespace rivulet::training
