#include "training/flow_map_objective.h"

#include <algorithm>
#include <cmath>

#include "training/jump.h"

namespace rivulet::training {
namespace {

constexpr int kGrids[] = {1, 2, 4, 8};
constexpr double kLeastTime = 0.02;  // below it nothing is left to learn, and 1/t is large
constexpr double kHeldOutGuidance = 1.5;

double drawGuidance(Random& random, const FlowMapOptions& options) {
  return options.leastGuidance + (options.mostGuidance - options.leastGuidance) * random.uniform();
}

TrajectoryOptions trajectoriesOf(const FlowMapOptions& options) {
  TrajectoryOptions trajectories = options.trajectories;
  trajectories.leastGuidance = options.leastGuidance;
  trajectories.mostGuidance = options.mostGuidance;
  trajectories.classDropout = options.flow.classDropout;
  return trajectories;
}

TextureUnetInput part(const TextureUnetInput& input, int64_t start, int64_t count) {
  const auto narrow = [&](const at::Tensor& a) { return a.defined() ? a.narrow(0, start, count) : a; };
  return {narrow(input.x),     narrow(input.t),          narrow(input.classWeights),
          narrow(input.style), narrow(input.targetTime), narrow(input.guidance)};
}

}  // namespace

Jump drawShortJump(Random& random, const FlowMapOptions& options) {
  const double w = drawGuidance(random, options);
  const double t = kLeastTime + (1 - kLeastTime) * random.uniform();
  // No shorter than a tenth of the least time: a target is a quotient by the jump's length.
  const double length = std::max(options.teacherSpan * random.uniform(), 0.1 * kLeastTime);
  return {t, std::max(0.0, t - length), w};
}

Jump drawLongJump(Random& random, const FlowMapOptions& options, double progress) {
  const double grown = options.curriculum > 0 ? std::min(1.0, progress / options.curriculum) : 1.0;
  const double least = std::min(1.0, options.teacherSpan), first = std::min(1.0, 2 * least);
  const double longest = first + (1 - first) * grown;
  const double w = drawGuidance(random, options);
  const double length = least + (longest - least) * random.uniform(), place = random.uniform();
  const double t = random.chance(options.noisePart) ? 1.0 : length + (1 - length) * place;
  return {t, std::max(0.0, t - length), w};
}

std::pair<int, int> drawStates(Random& random, const FlowMapOptions& options) {
  const int segments = options.trajectories.segments;
  if (random.chance(options.gridPart)) {
    const int n = kGrids[random.below(static_cast<int>(std::size(kGrids)))];
    if (segments % n == 0) {
      const int i = random.below(n), stride = segments / n;
      return {i * stride, (i + 1) * stride};
    }
  }
  const int i = random.below(segments);
  return {i, i + 1 + random.below(segments - i)};
}

FlowMapExample makeFlowMapExample(const TextureUnet& network, const Batch& batch, const FlowMapOptions& options,
                                  const TrajectoryPool& pool, std::uint64_t seed, std::uint64_t step, double progress) {
  const int64_t count = batch.x0.size(0);
  int64_t left = count;
  const auto share = [&](double part) {
    const int64_t taken = std::min<int64_t>(left, std::lround(part * static_cast<double>(count)));
    left -= taken;
    return taken;
  };
  FlowMapExample example;
  // The anchors' times, and everybody's noise and classes, are flow matching's.
  const FlowExample flow = makeFlowExample(network, batch, options.flow, seed, step);
  example.border = flow.border;
  const int64_t anchors = example.anchorCount = share(options.anchorPart);
  const int64_t onTrajectories = example.trajectoryCount = share(options.trajectoryPart);
  const int64_t shorts = example.shortCount = share(options.teacherPart);

  const at::Tensor anchorTimes = flow.input.t.to(at::kCPU).contiguous();
  const int segments = options.trajectories.segments;
  std::vector<float> times, targetTimes, guidance;
  std::vector<at::Tensor> states, classes, styles, known;
  Random random{seed, step, 0xf10a};
  for (int64_t n = 0; n < count; ++n) {
    Jump jump;
    if (n < anchors) {
      jump.t = jump.s = anchorTimes.data_ptr<float>()[n];
    } else if (n < anchors + onTrajectories) {
      const TrajectoryPool::Pick pick = pool.pick(random);
      const auto [i, j] = drawStates(random, options);
      jump = {1.0 - static_cast<double>(i) / segments, 1.0 - static_cast<double>(j) / segments, pick.guidance};
      states.push_back(pick.states[i]);
      classes.push_back(pick.classWeights);
      if (pick.style.defined()) styles.push_back(pick.style);
      known.push_back((jump.t * pick.states[j] - jump.s * pick.states[i]) / (jump.t - jump.s));
    } else if (n < anchors + onTrajectories + shorts) {
      jump = drawShortJump(random, options);
    } else {
      jump = drawLongJump(random, options, progress);
    }
    times.push_back(static_cast<float>(jump.t));
    targetTimes.push_back(static_cast<float>(jump.s));
    guidance.push_back(static_cast<float>(jump.w));
  }
  const auto tensor = [&](std::vector<float>& values) {
    return at::from_blob(values.data(), {count}, at::kFloat).clone().to(network.device());
  };
  TextureUnetInput& input = example.input;
  input = flow.input;
  input.t = tensor(times);
  input.targetTime = tensor(targetTimes);
  input.guidance = tensor(guidance);
  // The path again, at the jumps' times: t = 1 is pure noise.
  const at::Tensor t = input.t.view({-1, 1, 1, 1});
  input.x = (1 - t) * flow.x0 + t * flow.noise;
  example.known = flow.x0.narrow(0, 0, anchors);
  if (onTrajectories > 0) {
    input.x.narrow(0, anchors, onTrajectories).copy_(at::stack(states));
    input.classWeights.narrow(0, anchors, onTrajectories).copy_(at::stack(classes));
    if (!styles.empty()) {
      input.style = input.style.clone();  // it may be the batch itself
      input.style.narrow(0, anchors, onTrajectories).copy_(at::stack(styles));
    }
    example.known = at::cat({example.known, at::stack(known)});
  }
  return example;
}

at::Tensor flowMapLoss(const at::Tensor& prediction, const at::Tensor& target, const FlowMapExample& example,
                       const FlowMapOptions& options) {
  const int64_t b = example.border, count = prediction.size(0), anchors = example.anchorCount;
  const at::Tensor t = example.input.t.clamp_min(options.flow.timeFloor).view({-1, 1, 1, 1});
  const at::Tensor squares = ((prediction - target) / t).square();
  const at::Tensor inner =
      squares.narrow(0, 0, anchors).slice(2, b, squares.size(2) - b).slice(3, b, squares.size(3) - b);
  const at::Tensor means =
      at::cat({inner.mean({1, 2, 3}), squares.narrow(0, anchors, count - anchors).mean({1, 2, 3})});
  return ((means + options.huber * options.huber).sqrt() - options.huber).mean();
}

FlowMapObjective::FlowMapObjective(FlowMapOptions options, std::shared_ptr<const Teacher> teacher)
    : options_(options),
      teacher_(std::move(teacher)),
      pool_(trajectoriesOf(options), teacher_),
      comparison_(teacher_, kHeldOutGuidance) {}

nlohmann::ordered_json FlowMapObjective::summary() const {
  return {{"class_dropout", options_.flow.classDropout},
          {"loss_border", options_.flow.border},
          {"anchor_part", options_.anchorPart},
          {"trajectory_part", options_.trajectoryPart},
          {"teacher_part", options_.teacherPart},
          {"teacher_span", options_.teacherSpan},
          {"teacher_steps", options_.teacherSteps},
          {"trajectory_steps", options_.trajectories.solverSteps},
          {"guidance", {options_.leastGuidance, options_.mostGuidance}}};
}

void FlowMapObjective::configure(TextureUnetConfig& config) const {
  teacher_->configure(config);
  if (!options_.student.empty()) {
    const TextureUnetConfig student = TextureUnetConfig::named(options_.student);
    config.size = student.size;
    config.widths = student.widths;
    config.embeddingDim = student.embeddingDim;
  }
  config.targetTime = config.guidance = true;
}

at::Tensor FlowMapObjective::targets(const TextureUnet& average, const FlowMapExample& example) const {
  const torch::NoGradGuard guard;
  const int64_t known = example.known.size(0), shorts = example.shortCount,
                longs = example.input.x.size(0) - known - shorts;
  std::vector<at::Tensor> targets = {example.known};
  if (shorts > 0) {
    const TextureUnetInput input = part(example.input, known, shorts);
    targets.push_back(solverJump(input.x, input.t, input.targetTime, options_.teacherSteps, teacher_->guidedX0(input)));
  }
  if (longs > 0) {
    TextureUnetInput input = part(example.input, known + shorts, longs);
    const at::Tensor t = input.t, s = input.targetTime;
    targets.push_back(halvesJump(input.x, t, s, [&](const at::Tensor& x, const at::Tensor& from, const at::Tensor& to) {
      input.x = x;
      input.t = from;
      input.targetTime = to;
      return average.forward(input);
    }));
  }
  return at::cat(targets).clamp(-options_.clip, options_.clip);
}

at::Tensor FlowMapObjective::loss(const ObjectiveStep& step) {
  if (options_.trajectoryPart > 0) pool_.advance(step);
  const FlowMapExample example =
      makeFlowMapExample(step.network, step.batch, options_, pool_, step.seed, step.step, step.progress);
  const at::Tensor target = targets(step.average, example);
  return flowMapLoss(step.network.forward(example.input), target, example, options_);
}

Figures FlowMapObjective::heldOut(const TextureUnet& network, const Batch& batch, std::uint64_t index) {
  return comparison_.figures(network, batch, index, {std::begin(kGrids), std::end(kGrids)});
}

}  // namespace rivulet::training
