#include "training/flow_objective.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "training/coupling.h"
#include "training/random.h"

namespace rivulet::training {

FlowExample makeFlowExample(const TextureUnet& network, const Batch& batch, const FlowOptions& options,
                            std::uint64_t seed, std::uint64_t step) {
  const int64_t count = batch.x0.size(0);
  const auto nullClass = static_cast<int64_t>(network.config().classes.size());
  Random random{seed, step, 0xf10};
  std::vector<float> times, weights;
  at::Tensor label = batch.label.to(at::kCPU, at::kLong).clone();
  for (int64_t n = 0; n < count; ++n) {
    const double gaussian = options.timeMean + options.timeDeviation * random.normal();
    const double uniform = random.uniform();
    const double t = random.chance(options.timeUniform) ? uniform : 1.0 / (1.0 + std::exp(-gaussian));
    const double floored = std::max(t, options.timeFloor);
    times.push_back(static_cast<float>(t));
    weights.push_back(static_cast<float>(1.0 / (floored * floored)));
    if (random.chance(options.classDropout)) label[n] = nullClass;
  }
  const at::Device device = network.device();
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, step, 0x2015e}));
  at::Tensor noise = at::randn(batch.x0.sizes(), generator, at::TensorOptions());
  if (options.optimalTransport) noise = coupleNoise(batch.x0.to(at::kCPU), noise, batch.label.to(at::kCPU));

  FlowExample example;
  example.noise = noise.to(device);
  example.x0 = batch.x0.to(device);
  example.weight = at::from_blob(weights.data(), {count}, at::kFloat).clone().to(device);
  example.input.t = at::from_blob(times.data(), {count}, at::kFloat).clone().to(device);
  const at::Tensor t = example.input.t.view({count, 1, 1, 1});
  example.input.x = (1 - t) * example.x0 + t * example.noise;
  example.input.classWeights = network.oneHot(label.to(device));
  if (batch.style.defined()) example.input.style = batch.style.to(device);
  const int64_t shorter = std::min(batch.x0.size(2), batch.x0.size(3));
  example.border = std::min<int64_t>(options.border, (shorter - 1) / 2);  // something is left of the smallest crop
  return example;
}

at::Tensor flowLoss(const at::Tensor& prediction, const FlowExample& example) {
  const int64_t b = example.border;
  const at::Tensor error = (prediction - example.x0).slice(2, b, prediction.size(2) - b);
  return (error.slice(3, b, prediction.size(3) - b).square().mean({1, 2, 3}) * example.weight).mean();
}

nlohmann::ordered_json FlowObjective::summary() const {
  return {{"class_dropout", options_.classDropout},
          {"loss_border", options_.border},
          {"coupling", options_.optimalTransport ? "ot" : "independent"}};
}

at::Tensor FlowObjective::loss(const ObjectiveStep& step) {
  const FlowExample example = makeFlowExample(step.network, step.batch, options_, step.seed, step.step);
  return flowLoss(step.network.forward(example.input), example);
}

Figures FlowObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  FlowOptions options = options_;
  options.classDropout = 0;
  const FlowExample example = makeFlowExample(network, batch, options, kHeldOutSeed, index);
  return {{"heldout_loss", flowLoss(network.forward(example.input), example).item<double>()}};
}

}  // namespace rivulet::training
