#include "training/ddpm_objective.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "training/random.h"

namespace rivulet::training {
namespace {

at::Tensor inner(const at::Tensor& values, int64_t border) {
  const int64_t shorter = std::min(values.size(2), values.size(3));
  const int64_t b = std::min(border, (shorter - 1) / 2);
  return values.slice(2, b, values.size(2) - b).slice(3, b, values.size(3) - b);
}

at::Tensor timesOf(const GaussianDiffusion& diffusion, const at::Tensor& k) {
  return (k.to(at::kFloat) + 1) / diffusion.steps();
}

}  // namespace

DdpmObjective::DdpmObjective(DdpmOptions options)
    : options_(std::move(options)),
      diffusion_(options_.diffusion),
      sampler_(options_.diffusion.steps, options_.importance) {}

nlohmann::ordered_json DdpmObjective::summary() const {
  nlohmann::ordered_json summary = {{"prediction", options_.prediction},
                                    {"schedule", diffusion_.json()},
                                    {"class_dropout", options_.classDropout},
                                    {"loss_border", options_.border},
                                    {"timesteps", options_.importance ? "importance" : "uniform"}};
  if (options_.learnedVariance) summary.update({{"learned_variance", true}, {"bound_weight", options_.boundWeight}});
  return summary;
}

void DdpmObjective::configure(TextureUnetConfig& config) const {
  config.prediction = options_.prediction;
  config.schedule = diffusion_.json();
  // Values of a picture lie in [-1, 1]: from near noise the network's x_0 does not, and samplers are to know.
  if (!config.whitened) config.schedule["clip"] = 1.0;
  config.learnedVariance = options_.learnedVariance;
}

void DdpmObjective::restore(const StateTensors& state) {
  for (const auto& [name, tensor] : state)
    if (name == "timesteps") sampler_.restore(tensor);
}

DdpmObjective::Terms DdpmObjective::terms(const TextureUnet& network, const Batch& batch, const at::Tensor& k,
                                          double classDropout, std::uint64_t seed, std::uint64_t step) const {
  const int64_t count = batch.x0.size(0), channels = network.config().channels;
  const auto nullClass = static_cast<int64_t>(network.config().classes.size());
  Random random{seed, step, 0xdd91};
  at::Tensor label = batch.label.to(at::kCPU, at::kLong).clone();
  for (int64_t n = 0; n < count; ++n)
    if (random.chance(classDropout)) label[n] = nullClass;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, step, 0xdd92}));
  const at::Device device = network.device();
  const at::Tensor noise = at::randn(batch.x0.sizes(), generator, at::TensorOptions()).to(device);
  const at::Tensor x0 = batch.x0.to(device), steps = k.to(device);

  TextureUnetInput input;
  input.x = diffusion_.alpha(steps) * x0 + diffusion_.sigma(steps) * noise;
  input.t = timesOf(diffusion_, steps);
  input.classWeights = network.oneHot(label.to(device));
  if (batch.style.defined()) input.style = batch.style.to(device);
  const at::Tensor output = network.forward(input), said = output.narrow(1, 0, channels);

  Terms terms;
  const at::Tensor target = diffusion_.target(options_.prediction, x0, noise, steps);
  terms.simple = inner((said - target).square(), options_.border).mean({1, 2, 3});
  if (options_.learnedVariance) {
    const at::Tensor guess = diffusion_.x0(options_.prediction, input.x, said.detach(), steps);
    const at::Tensor variance = diffusion_.logVariance((output.narrow(1, channels, channels) + 1) / 2, steps);
    const auto crop = [&](const at::Tensor& values) { return inner(values, options_.border); };
    terms.bound =
        diffusion_.boundTerm(crop(x0), crop(input.x), crop(guess), crop(variance), steps) * diffusion_.steps();
  }
  return terms;
}

at::Tensor DdpmObjective::loss(const ObjectiveStep& step) {
  Random random{step.seed, step.step, 0xdd90};
  const TimestepSampler::Draw draw = sampler_.draw(step.batch.x0.size(0), random);
  const Terms terms = this->terms(step.network, step.batch, draw.k, options_.classDropout, step.seed, step.step);
  at::Tensor losses = terms.simple;
  if (terms.bound.defined()) losses = losses + options_.boundWeight * terms.bound;
  sampler_.observe(draw.k, losses);
  return (losses * draw.weight.to(losses.device())).mean();
}

Figures DdpmObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  // Steps all over the range: `index` counts batches.
  const int64_t count = batch.x0.size(0);
  const at::Tensor k = at::empty({count}, at::TensorOptions().dtype(at::kLong));
  Random random{kHeldOutSeed, index, 0xdd90};
  for (int64_t n = 0; n < count; ++n) k[n] = random.below(diffusion_.steps());
  const Terms terms = this->terms(network, batch, k, 0, kHeldOutSeed, index);
  Figures figures = {{"heldout_loss", terms.simple.mean().item<double>()}};
  if (terms.bound.defined()) figures.emplace_back("heldout_bound", terms.bound.mean().item<double>());
  return figures;
}

Sheets DdpmObjective::sheets() const {
  const auto sampler = [diffusion = diffusion_](const TextureUnet& network, TextureUnetInput input, int steps) {
    return sampleDdim(diffusion, network, std::move(input), steps, !network.config().whitened);
  };
  return {{10, 50}, 20, sampler};
}

at::Tensor sampleDdim(const GaussianDiffusion& diffusion, const TextureUnet& network, TextureUnetInput input, int steps,
                      bool clip) {
  const torch::NoGradGuard guard;
  at::Tensor x = input.x;
  const int64_t count = x.size(0);
  const auto at = [&](int i) {  // the i-th of `steps`, the last one the noisiest
    return static_cast<int>(std::lround((i + 1.0) * diffusion.steps() / steps)) - 1;
  };
  for (int i = steps; i-- > 0;) {
    const int from = at(i), to = i == 0 ? -1 : at(i - 1);
    const at::Tensor k = at::full({count}, from, at::TensorOptions().dtype(at::kLong).device(x.device()));
    input.x = x;
    input.t = timesOf(diffusion, k);
    const at::Tensor said = network.forward(input).narrow(1, 0, x.size(1));
    at::Tensor x0 = diffusion.x0(network.config().prediction, x, said, k);
    if (clip) x0 = x0.clamp(-1, 1);
    const at::Tensor noise = (x - diffusion.alpha(k) * x0) / diffusion.sigma(k);
    const double bar = diffusion.alphaBar(to);
    x = std::sqrt(bar) * x0 + std::sqrt(1 - bar) * noise;
  }
  return x;
}

}  // namespace rivulet::training
