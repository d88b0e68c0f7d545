#include "training/reflow_objective.h"

#include <ATen/CPUGeneratorImpl.h>

#include "training/random.h"

namespace rivulet::training {

ReflowObjective::ReflowObjective(ReflowOptions options, std::shared_ptr<const Teacher> teacher)
    : options_(options),
      teacher_(std::move(teacher)),
      pool_(options.pairs, teacher_),
      comparison_(teacher_, options.pairs.leastGuidance) {}

nlohmann::ordered_json ReflowObjective::summary() const {
  return {{"class_dropout", options_.pairs.classDropout},
          {"teacher_steps", options_.pairs.solverSteps},
          {"guidance", options_.pairs.leastGuidance}};
}

at::Tensor ReflowObjective::loss(const ObjectiveStep& step) {
  pool_.advance(step);
  const int64_t count = step.batch.x0.size(0);
  Random random{step.seed, step.step, 0x2ef10};
  std::vector<at::Tensor> noise, images, classes, styles;
  std::vector<float> times;
  for (int64_t n = 0; n < count; ++n) {
    const TrajectoryPool::Pick pair = pool_.pick(random);
    noise.push_back(pair.states[0]);
    images.push_back(pair.states[pair.states.size(0) - 1]);
    classes.push_back(pair.classWeights);
    if (pair.style.defined()) styles.push_back(pair.style);
    times.push_back(static_cast<float>(1.0 - random.uniform()));  // 1 is among them, 0 is not
  }
  TextureUnetInput input;
  input.t = at::from_blob(times.data(), {count}, at::kFloat).clone().to(step.network.device());
  const at::Tensor t = input.t.view({-1, 1, 1, 1}), x0 = at::stack(images);
  input.x = (1 - t) * x0 + t * at::stack(noise);
  input.classWeights = at::stack(classes);
  if (!styles.empty()) input.style = at::stack(styles);
  return ((step.network.forward(input) - x0) / t.clamp_min(options_.timeFloor)).square().mean();
}

double straightness(const at::Tensor& noise, int steps, const X0Function& x0) {
  std::vector<at::Tensor> velocities;
  at::Tensor x = noise;
  for (int i = 0; i < steps; ++i) {
    const double t = 1.0 - static_cast<double>(i) / steps;
    velocities.push_back((x - x0(x, at::full({x.size(0)}, t, x.options()))) / t);
    x = x - velocities.back() / steps;
  }
  double sum = 0;
  for (const at::Tensor& u : velocities) sum += (noise - x - u).square().mean().item<double>();
  return sum / steps;
}

Figures ReflowObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  const torch::NoGradGuard guard;
  Figures figures = comparison_.figures(network, batch, index, {1, 2, 4, 8});
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({kHeldOutSeed, index, 0x5712a}));
  TextureUnetInput input;
  input.classWeights = network.oneHot(batch.label.to(network.device()));
  if (batch.style.defined()) input.style = batch.style.to(network.device());
  const at::Tensor noise = at::randn(batch.x0.sizes(), generator, at::TensorOptions()).to(network.device());
  figures.emplace_back("straightness", straightness(noise, 16, [&](const at::Tensor& x, const at::Tensor& t) {
                         input.x = x;
                         input.t = t;
                         return network.forward(input);
                       }));
  return figures;
}

}  // namespace rivulet::training
