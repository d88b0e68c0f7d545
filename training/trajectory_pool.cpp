#include "training/trajectory_pool.h"

#include <ATen/CPUGeneratorImpl.h>

#include "training/euler_sampler.h"
#include "training/jump.h"

namespace rivulet::training {

void TrajectoryPool::advance(const ObjectiveStep& step) {
  const auto period = static_cast<std::uint64_t>(options_.perRound);
  const std::uint64_t now = step.step / period, kept = static_cast<std::uint64_t>(options_.rounds);
  const std::uint64_t oldest = now + 1 > kept ? now + 1 - kept : 0;
  while (!rounds_.empty() && rounds_.front().index < oldest) rounds_.pop_front();
  for (std::uint64_t index = rounds_.empty() ? oldest : rounds_.back().index + 1; index <= now; ++index) {
    rounds_.push_back(makeRound(step.batchOf(index * period), step.seed, index));
  }
}

TrajectoryPool::Round TrajectoryPool::makeRound(const Batch& batch, std::uint64_t seed, std::uint64_t index) const {
  const torch::NoGradGuard guard;
  const TextureUnet& network = teacher_->network();
  const at::Device device = network.device();
  const int64_t count = std::min<int64_t>(options_.perRound, batch.x0.size(0));
  const auto nullClass = static_cast<int64_t>(network.config().classes.size());
  Random random{seed, index, 0x7ea};
  std::vector<float> guidance;
  at::Tensor label = batch.label.narrow(0, 0, count).to(at::kCPU, at::kLong).clone();
  for (int64_t n = 0; n < count; ++n) {
    const double range = options_.mostGuidance - options_.leastGuidance;
    guidance.push_back(static_cast<float>(options_.leastGuidance + range * random.uniform()));
    if (random.chance(options_.classDropout)) label[n] = nullClass;
  }
  auto generator = at::make_generator<at::CPUGeneratorImpl>(mixSeed({seed, index, 0x7ea2015e}));
  Round round;
  round.index = index;
  TextureUnetInput& input = round.input;
  input.classWeights = network.oneHot(label.to(device));
  if (batch.style.defined()) input.style = batch.style.narrow(0, 0, count).to(device);
  input.guidance = at::from_blob(guidance.data(), {count}, at::kFloat).clone().to(device);

  at::Tensor state = at::randn(batch.x0.narrow(0, 0, count).sizes(), generator, at::TensorOptions()).to(device);
  std::vector<at::Tensor> states = {state};
  const X0Function x0 = teacher_->guidedX0(input);
  for (int i = 0; i < options_.segments; ++i) {
    const at::Tensor t = at::full({count}, 1.0 - static_cast<double>(i) / options_.segments, input.guidance.options()),
                     s = at::full_like(t, 1.0 - static_cast<double>(i + 1) / options_.segments);
    state = eulerStep(state, t, s, solverJump(state, t, s, options_.solverSteps, x0));
    states.push_back(state);
  }
  round.states = at::stack(states);
  return round;
}

TrajectoryPool::Pick TrajectoryPool::pick(Random& random) const {
  const Round& round = rounds_[static_cast<std::size_t>(random.below(static_cast<int>(rounds_.size())))];
  const int64_t m = random.below(static_cast<int>(round.states.size(1)));
  return {round.states.select(1, m), round.input.classWeights[m],
          round.input.style.defined() ? round.input.style[m] : at::Tensor(), round.input.guidance[m].item<double>()};
}

}  // namespace rivulet::training
