#include "scheduler.h"

#include <algorithm>
#include <tuple>

#include "vk/label.h"

namespace rivulet::plugin {
namespace {

constexpr std::uint64_t kCopyPiece = 1u << 20;  // bytes of weights copied at once
constexpr double kFrameWeight = 0.1;            // of a new frame's time in their mean

}  // namespace

std::uint32_t Group::lanes() const {
  std::uint32_t most = 0;
  for (const std::unique_ptr<Batch>& batch : batches) most = std::max(most, batch->shape().lanes);
  return most;
}

engine::Rank Group::bestRank() const {
  engine::Rank best = atLeast != 0 ? warmUpRank : INT64_MIN;
  if (!waiting.empty()) best = std::max(best, waiting.topRank());
  for (const std::unique_ptr<Batch>& batch : batches) best = std::max(best, batch->bestRank());
  return best;
}

Scheduler::Scheduler(std::uint32_t maxLanes, OpStatistics& ops) : copies_(ops.of("copy weights")) {
  for (std::uint32_t lanes = 1; lanes < maxLanes; lanes *= 2) sizes_.push_back(lanes);
  sizes_.push_back(maxLanes);
}

Group& Scheduler::groupOf(const std::shared_ptr<Model>& model, const engine::LaneShape& shape) {
  std::unique_ptr<Group>& group = groups_[{model.get(), shape}];
  if (!group) {
    group = std::make_unique<Group>();
    group->model = model;
    group->shape = shape;
    group->batches.reserve(2);
  }
  return *group;
}

Group* Scheduler::find(const Model& model, const engine::LaneShape& shape) const {
  const auto found = groups_.find({&model, shape});
  return found == groups_.end() ? nullptr : found->second.get();
}

void Scheduler::warmUp(Group& group, std::uint32_t lanes) {
  if (group.atLeast == 0) group.warmUpRank = ageing_.rankNow(0);
  const std::uint32_t most = sizes_.back();
  if (lanes == 0) lanes = group.curve && !group.curve->empty() ? best(group, most) : most;
  group.atLeast = std::max(group.atLeast, std::min(lanes, most));
  group.error = RVL_SUCCESS;  // try again
  group.wanted = lanesFor(group);
}

void Scheduler::enqueue(const std::shared_ptr<Work>& work) {
  Group& group = groupOf(work->model, work->shape);
  if (!work->rank) work->rank = ageing_.rankNow(work->priority);
  work->group = &group;
  group.curve = work->curve;
  work->state = RVL_STATE_WAITING;
  work->stepsDone = work->previews = 0;
  work->previewSerial = 0;
  work->plan = work->choices.size() == 1 ? work->choices.front() : nullptr;
  group.waiting.push(work, *work->rank);
  group.error = RVL_SUCCESS;  // try again
  group.wanted = lanesFor(group);
}

std::shared_ptr<Work> Scheduler::cancel(Work& work) {
  if (work.batch) {
    const Batch* const batch = work.batch;
    std::shared_ptr<Work> kept = work.batch->cancel(work.lane);
    if (current_.batch == batch && batch->atBoundary()) current_ = {};  // choose anew: it may have nothing to do
    return kept;
  }
  if (work.group) {
    const std::shared_ptr<Work> probe(std::shared_ptr<void>(), &work);  // compares equal, owns nothing
    work.group->waiting.remove(probe);
    work.group->wanted = lanesFor(*work.group);
    work.group = nullptr;
  }
  return nullptr;
}

std::uint32_t Scheduler::lanesFor(const Group& group) const {
  const std::uint32_t have = group.lanes();
  if (have == sizes_.back() || group.batches.size() == 2) return 0;
  std::size_t active = 0;
  for (const std::unique_ptr<Batch>& batch : group.batches) active += batch->shape().lanes - batch->freeLanes();
  std::uint32_t lanes = 0;
  if (!group.waiting.empty()) lanes = best(group, group.waiting.size() + active, have);
  if (group.atLeast != 0) lanes = std::max(lanes, *std::lower_bound(sizes_.begin(), sizes_.end(), group.atLeast));
  return lanes > have ? lanes : 0;
}

std::uint32_t Scheduler::best(const Group& group, std::size_t requests, std::uint32_t have) const {
  return group.curve ? group.curve->best(requests, sizes_, have) : engine::BatchCurve().best(requests, sizes_, have);
}

/// The dispatches of an evaluation are in several frames, and timed one by one: it takes what they take together.
void Scheduler::learn(Group& group, const Batch& batch) {
  if (group.curve && group.curve->measured(batch.shape().lanes, batch.evaluationTime())) learned_ = true;
}

Group* Scheduler::nextToBuild() {
  const auto urgency = [](const Group& group) {
    if (group.waiting.empty()) return 0;
    return group.batches.empty() ? 2 : 1;
  };
  const auto order = [&](const Group& group) {
    return std::tuple(urgency(group), group.bestRank(), group.weights != nullptr);
  };
  Group* best = nullptr;
  for (auto& [key, group] : groups_) {
    if (group->building || group->noRoom || group->wanted == 0 || group->error != RVL_SUCCESS) continue;
    if (!best || order(*group) > order(*best)) best = group.get();
  }
  return best;
}

bool Scheduler::hasWork() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& entry) {
    const Group& group = *entry.second;
    return !group.waiting.empty() || group.copyingWeights() ||
           std::any_of(group.batches.begin(), group.batches.end(), [](const auto& batch) { return !batch->idle(); });
  });
}

bool Scheduler::canRecord() const {
  return current_ || choose();
}

void Scheduler::frame(Clock::time_point now, double budget) {
  if (lastFrame_ != Clock::time_point()) {
    const double passed = std::chrono::duration<double, std::micro>(now - lastFrame_).count();
    frameMicroseconds_ += (frameMicroseconds_ == 0 ? 1 : kFrameWeight) * (passed - frameMicroseconds_);
  }
  lastFrame_ = now;
  budget_ = budget;
}

/// What its most urgent request, in a lane or waiting for one, makes the most urgent of all. Weights on their way to
/// the device are as urgent as what waits for them.
Scheduler::Candidate Scheduler::choose() const {
  Candidate best;
  engine::Rank bestRank = 0;
  const auto offer = [&](const Candidate& candidate, engine::Rank rank) {
    if (best && rank <= bestRank) return;
    best = candidate;
    bestRank = rank;
  };
  for (const auto& [key, group] : groups_) {
    if (group->copyingWeights()) {
      offer({group.get(), nullptr, group->weights}, group->bestRank());
      continue;
    }
    for (const std::unique_ptr<Batch>& batch : group->batches) {
      // A batch that a larger one takes over from gets no new requests.
      const bool filled =
          batch->freeLanes() > 0 && !group->waiting.empty() && !held(*group) && batch->shape().lanes == group->lanes();
      if (batch->idle() && !filled) continue;
      engine::Rank rank = batch->bestRank();
      if (filled) rank = std::max(rank, group->waiting.topRank());
      offer({group.get(), batch.get(), nullptr}, rank);
    }
  }
  return best;
}

bool Scheduler::held(const Group& group) const {
  if (!hold_ || hold_ == &group || hold_->waiting.empty() || group.waiting.empty()) return false;
  return hold_->waiting.topRank() - engine::Ageing::kStep >= group.waiting.topRank();
}

void Scheduler::record(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded) {
  while (slice.fits(0)) {
    if (!current_) {
      current_ = choose();
      if (!current_) return;
      if (current_.batch) fillLanes(*current_.group, *current_.batch);
    }
    if (current_.copy) {
      WeightSet& set = *current_.copy;
      current_ = {};  // the next piece has to be the most urgent thing again
      if (!recordPiece(set, slice)) return;
      continue;
    }
    current_.batch->lastUse = ++uses_;
    const Batch::Progress progress = current_.batch->advance(slice, recorded);
    evaluations_ += progress.evaluations;
    laneEvaluations_ += progress.laneEvaluations;
    if (!progress.boundary) return;
    current_ = {};
  }
}

void Scheduler::fillLanes(Group& group, Batch& batch) {
  learn(group, batch);
  if (batch.shape().lanes != group.lanes()) return;
  while (batch.freeLanes() > 0 && !group.waiting.empty() && !held(group)) {
    std::shared_ptr<Work> work = group.waiting.pop();
    work->group = nullptr;
    if (!work->plan) choosePlan(*work, batch);
    batch.assign(std::move(work));
    ageing_.served();
  }
  group.wanted = lanesFor(group);
}

/// The most steps that meet the deadline: they go on at the rate the budget allows.
void Scheduler::choosePlan(Work& work, const Batch& batch) const {
  const double left = std::chrono::duration<double, std::micro>(*work.deadline - Clock::now()).count();
  const double stretch = budget_ > 0 ? std::max(1.0, frameMicroseconds_ / budget_) : 1;
  work.plan = work.choices.front();
  for (const std::shared_ptr<const StepPlan>& plan : work.choices) {
    const double cost = batch.planCost(static_cast<std::uint32_t>(plan->calls.size()));
    if (cost * stretch + 2 * frameMicroseconds_ <= left) work.plan = plan;
  }
}

/// False: it does not fit this slice.
bool Scheduler::recordPiece(WeightSet& set, Slice& slice) {
  if (!slice.fits(copyCost_.cost(0))) return false;
  const vk::DeviceFunctions& fn = slice.device.fn();
  const std::uint64_t bytes = std::min<std::uint64_t>(kCopyPiece, set.staging.size() - set.copied);
  slice.lastMark = Slice::kNone;
  slice.measured(copyCost_, {0}, copies_, [&] {
    const vk::Label label(slice.device, slice.commands, "copy weights");
    const VkBufferCopy region{set.copied, set.copied, bytes};
    fn.CmdCopyBuffer(slice.commands, set.staging.handle(), set.weights->buffer().handle(), 1, &region);
  });
  set.copied += bytes;
  set.copySerial = slice.recording.serial;
  return true;
}

void Scheduler::restart(std::uint64_t serial) {
  for (const auto& [key, group] : groups_) {
    for (const std::unique_ptr<WeightSet>& set : group->model->sets)
      if (set->copySerial >= serial && set->staging.size() != 0) set->copied = 0;
    for (const std::unique_ptr<Batch>& batch : group->batches)
      if (batch->lastSerial() >= serial) batch->restart();
  }
  current_ = {};
}

}  // namespace rivulet::plugin
