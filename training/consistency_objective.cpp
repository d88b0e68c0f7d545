#include "training/consistency_objective.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "training/random.h"

namespace rivulet::training {

double consistencyTarget(double t, int stage) {
  const double sigma = t / std::max(1e-9, 1 - t), opening = 1 + 8 / (1 + std::exp(sigma));
  return t * std::max(0.0, 1 - opening / std::exp2(stage));
}

at::Tensor sampleConsistency(const TextureUnet& network, TextureUnetInput input, int steps) {
  const torch::NoGradGuard guard;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({0xc0257, static_cast<std::uint64_t>(steps)}));
  at::Tensor x = input.x;
  for (int i = 0; i < steps; ++i) {
    const double s = 1.0 - static_cast<double>(i + 1) / steps;
    input.x = x;
    input.t = at::full({x.size(0)}, 1.0 - static_cast<double>(i) / steps, x.options());
    x = network.forward(input);
    if (i + 1 < steps) x = (1 - s) * x + s * at::randn(x.sizes(), generator, at::TensorOptions()).to(x.device());
  }
  return x;
}

nlohmann::ordered_json ConsistencyObjective::summary() const {
  return {{"class_dropout", options_.flow.classDropout},
          {"loss_border", options_.flow.border},
          {"stages", options_.stages},
          {"boundary", options_.boundary},
          {"sampler", "consistency"}};
}

at::Tensor ConsistencyObjective::lossOf(const TextureUnet& network, const FlowExample& example, int stage) const {
  const int64_t count = example.x0.size(0), b = example.border;
  const at::Tensor times = example.input.t.to(at::kCPU).contiguous();
  std::vector<float> earlier;
  for (int64_t n = 0; n < count; ++n) {
    earlier.push_back(static_cast<float>(consistencyTarget(times.data_ptr<float>()[n], stage)));
  }
  at::Tensor target;
  {
    const torch::NoGradGuard guard;
    TextureUnetInput input = example.input;
    input.t = at::from_blob(earlier.data(), {count}, at::kFloat).clone().to(network.device());
    const at::Tensor r = input.t.view({-1, 1, 1, 1});
    input.x = (1 - r) * example.x0 + r * example.noise;
    const at::Tensor inside = r > options_.boundary;
    target = inside.any().item<bool>() ? at::where(inside, network.forward(input), example.x0)
                                       : example.x0;  // as in the first stage
  }
  const at::Tensor error = (network.forward(example.input) - target).slice(2, b, target.size(2) - b);
  const at::Tensor square = error.slice(3, b, target.size(3) - b).square().mean({1, 2, 3});
  const at::Tensor distance = (square + options_.huber * options_.huber).sqrt() - options_.huber;
  return (distance / example.input.t.clamp_min(options_.flow.timeFloor)).mean();
}

at::Tensor ConsistencyObjective::loss(const ObjectiveStep& step) {
  const FlowExample example = makeFlowExample(step.network, step.batch, options_.flow, step.seed, step.step);
  const int stage = 1 + std::min(options_.stages - 1, static_cast<int>(step.progress * options_.stages));
  return lossOf(step.network, example, stage);
}

Figures ConsistencyObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  const torch::NoGradGuard guard;
  FlowOptions flow = options_.flow;
  flow.classDropout = 0;
  const FlowExample example = makeFlowExample(network, batch, flow, kHeldOutSeed, index);
  return {{"heldout_loss", lossOf(network, example, options_.stages).item<double>()}};
}

}  // namespace rivulet::training
