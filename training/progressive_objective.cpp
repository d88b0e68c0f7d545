#include "training/progressive_objective.h"

#include "training/flow_objective.h"
#include "training/jump.h"
#include "training/random.h"

namespace rivulet::training {

ProgressiveObjective::ProgressiveObjective(ProgressiveOptions options, std::shared_ptr<const Teacher> teacher)
    : options_(options), teacher_(std::move(teacher)), comparison_(teacher_, options.guidance) {}

nlohmann::ordered_json ProgressiveObjective::summary() const {
  return {
      {"class_dropout", options_.classDropout}, {"sampling_steps", options_.steps}, {"guidance", options_.guidance}};
}

at::Tensor ProgressiveObjective::loss(const ObjectiveStep& step) {
  FlowOptions flow;
  flow.classDropout = options_.classDropout;
  const FlowExample example = makeFlowExample(step.network, step.batch, flow, step.seed, step.step);
  const int64_t count = example.x0.size(0);
  Random random{step.seed, step.step, 0x9206};
  std::vector<float> from, to;
  for (int64_t n = 0; n < count; ++n) {
    const int i = random.below(options_.steps);
    from.push_back(static_cast<float>(options_.steps - i) / static_cast<float>(options_.steps));
    to.push_back(static_cast<float>(options_.steps - i - 1) / static_cast<float>(options_.steps));
  }
  const auto tensor = [&](std::vector<float>& values) {
    return at::from_blob(values.data(), {count}, at::kFloat).clone().to(step.network.device());
  };
  TextureUnetInput input = example.input;
  input.t = tensor(from);
  const at::Tensor t = input.t.view({-1, 1, 1, 1});
  input.x = (1 - t) * example.x0 + t * example.noise;
  input.guidance = at::full({count}, options_.guidance, input.t.options());
  at::Tensor target;
  {
    const torch::NoGradGuard guard;
    const X0Function x0 = teacher_->guidedX0(input);
    target = halvesJump(input.x, input.t, tensor(to),
                        [&](const at::Tensor& x, const at::Tensor& at, const at::Tensor&) { return x0(x, at); });
  }
  return ((step.network.forward(input) - target) / t.clamp_min(options_.timeFloor)).square().mean();
}

Figures ProgressiveObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  return comparison_.figures(network, batch, index, {options_.steps});
}

}  // namespace rivulet::training
