#include "training/likelihood.h"

#include <ATen/CPUGeneratorImpl.h>

#include "training/error.h"
#include "training/random.h"

namespace rivulet::training {
namespace {

at::Tensor logVarianceOf(const GaussianDiffusion& diffusion, Variance variance, const at::Tensor& output,
                         const at::Tensor& x, const at::Tensor& k) {
  const int64_t channels = x.size(1);
  if (variance == Variance::Learned) return diffusion.logVariance((output.narrow(1, channels, channels) + 1) / 2, k);
  const at::Tensor share = at::full({1}, variance == Variance::Beta ? 1.0 : 0.0, x.options());
  return diffusion.logVariance(share, k).expand_as(x);
}

}  // namespace

Likelihood likelihood(const GaussianDiffusion& diffusion, const TextureUnet& network, const Batch& batch,
                      Variance variance, int evenly, std::uint64_t seed, const std::function<void(double)>& progress) {
  if (variance == Variance::Learned && !network.config().learnedVariance) {
    throw Error("the network has no learned variance: choose beta or beta-tilde");
  }
  const torch::NoGradGuard guard;
  const at::Device device = network.device();
  const at::Tensor x0 = batch.x0.to(device);
  const int64_t count = x0.size(0), channels = x0.size(1);
  TextureUnetInput input;
  input.classWeights = network.oneHot(batch.label.to(device));
  if (batch.style.defined()) input.style = batch.style.to(device);

  Likelihood result;
  result.prior = diffusion.priorTerm(x0).mean().item<double>();
  const auto termAt = [&](int step) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, static_cast<std::uint64_t>(step), 0xb17}));
    const at::Tensor noise = at::randn(x0.sizes(), generator, at::TensorOptions()).to(device);
    const at::Tensor k = at::full({count}, step, at::TensorOptions().dtype(at::kLong).device(device));
    input.x = diffusion.alpha(k) * x0 + diffusion.sigma(k) * noise;
    input.t = at::full({count}, diffusion.time(step), x0.options());
    const at::Tensor output = network.forward(input);
    const at::Tensor guess =
        diffusion.x0(network.config().prediction, input.x, output.narrow(1, 0, channels), k).clamp(-1, 1);
    const at::Tensor logVariance = logVarianceOf(diffusion, variance, output, x0, k);
    return diffusion.boundTerm(x0, input.x, guess, logVariance, k).mean().item<double>();
  };
  result.decoder = termAt(0);
  result.total = result.prior + result.decoder;
  for (int k = 1; k < diffusion.steps(); ++k) {
    const bool own = (k - 1) % evenly == 0;
    result.steps.push_back(own ? termAt(k) : result.steps.back());
    result.total += result.steps.back();
    if (progress && own) progress(static_cast<double>(k) / diffusion.steps());
  }
  return result;
}

}  // namespace rivulet::training
