#include "scheduler.h"

#include <algorithm>
#include <bit>

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

void Scheduler::enqueue(const std::shared_ptr<Work>& work) {
  Group& group = groupOf(work->model, work->shape);
  if (!work->rank) work->rank = ageing_.rankNow(work->priority);
  work->group = &group;
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
  if (work.state == RVL_STATE_WAITING && work.group) {
    const std::shared_ptr<Work> probe(std::shared_ptr<void>(), &work);  // compares equal, owns nothing
    work.group->waiting.remove(probe);
  }
  return nullptr;
}

std::uint32_t Scheduler::lanesFor(const Group& group) const {
  std::size_t active = 0;
  for (const std::unique_ptr<Batch>& batch : group.batches) active += batch->shape().lanes - batch->freeLanes();
  const std::size_t demand =
      std::max<std::size_t>(group.waiting.empty() ? 0 : group.waiting.size() + active, group.atLeast);
  if (demand == 0) return 0;
  const auto lanes = std::min<std::uint32_t>(
      maxLanes_, static_cast<std::uint32_t>(std::bit_ceil(std::min<std::size_t>(demand, maxLanes_))));
  return lanes > group.lanes() && group.batches.size() < 2 ? lanes : 0;
}

Group* Scheduler::nextToBuild() {
  Group* best = nullptr;
  for (auto& [key, group] : groups_) {
    if (group->building || group->wanted == 0 || group->error != RVL_SUCCESS) continue;
    // What nothing runs yet for goes first, then what waits longest.
    const auto before = [](const Group& a, const Group& b) {
      if (a.batches.empty() != b.batches.empty()) return a.batches.empty();
      if (a.waiting.empty() || b.waiting.empty()) return !a.waiting.empty();
      return a.waiting.topRank() > b.waiting.topRank();
    };
    if (!best || before(*group, *best)) best = group.get();
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
  if (current_ || choose()) return true;
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& entry) { return entry.second->copyingWeights(); });
}

void Scheduler::frame(Clock::time_point now, double budget) {
  if (lastFrame_ != Clock::time_point()) {
    const double passed = std::chrono::duration<double, std::micro>(now - lastFrame_).count();
    frameMicroseconds_ += (frameMicroseconds_ == 0 ? 1 : kFrameWeight) * (passed - frameMicroseconds_);
  }
  lastFrame_ = now;
  budget_ = budget;
}

/// The batch whose most urgent request, in a lane or waiting for one, is the most urgent of all.
Scheduler::Candidate Scheduler::choose() const {
  Candidate best;
  engine::Rank bestRank = 0;
  for (const auto& [key, group] : groups_) {
    if (group->copyingWeights()) continue;
    for (const std::unique_ptr<Batch>& batch : group->batches) {
      // A batch that a larger one takes over from gets no new requests.
      const bool filled = batch->freeLanes() > 0 && !group->waiting.empty() && batch->shape().lanes == group->lanes();
      if (batch->idle() && !filled) continue;
      engine::Rank rank = batch->bestRank();
      if (filled) rank = std::max(rank, group->waiting.topRank());
      if (!best || rank > bestRank) {
        best = {group.get(), batch.get()};
        bestRank = rank;
      }
    }
  }
  return best;
}

void Scheduler::record(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded) {
  for (const auto& [key, group] : groups_) {
    if (group->copyingWeights() && !recordWeights(*group->weights, slice)) return;
  }
  while (slice.fits(0)) {
    if (!current_) {
      current_ = choose();
      if (!current_) return;
      fillLanes(*current_.group, *current_.batch);
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
  if (batch.shape().lanes != group.lanes()) return;
  while (batch.freeLanes() > 0 && !group.waiting.empty()) {
    std::shared_ptr<Work> work = group.waiting.pop();
    if (!work->plan) choosePlan(*work, batch);
    batch.assign(std::move(work));
    ageing_.served();
  }
  group.wanted = lanesFor(group);
}

/// The most steps that meet the deadline: evaluations go on at the rate the budget allows.
void Scheduler::choosePlan(Work& work, const Batch& batch) const {
  const double left = std::chrono::duration<double, std::micro>(*work.deadline - Clock::now()).count();
  const double evaluation = batch.evaluationCost();
  const double real = budget_ > 0 ? evaluation * std::max(1.0, frameMicroseconds_ / budget_) : evaluation;
  work.plan = work.choices.front();
  for (const std::shared_ptr<const StepPlan>& plan : work.choices) {
    if (static_cast<double>(plan->calls.size()) * real + 2 * frameMicroseconds_ <= left) work.plan = plan;
  }
}

bool Scheduler::recordWeights(WeightSet& set, Slice& slice) {
  const vk::DeviceFunctions& fn = slice.device.fn();
  while (set.copying()) {
    if (!slice.fits(copyCost_.cost(0))) return false;
    const std::uint64_t bytes = std::min<std::uint64_t>(kCopyPiece, set.staging.size() - set.copied);
    slice.measured(copyCost_, {0}, [&] {
      const VkBufferCopy region{set.copied, set.copied, bytes};
      fn.CmdCopyBuffer(slice.commands, set.staging.handle(), set.weights->buffer().handle(), 1, &region);
    });
    set.copied += bytes;
    set.copySerial = slice.recording.serial;
  }
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

namespace {

bool unused(const Batch& batch, std::uint64_t completed) {
  return batch.idle() && batch.atBoundary() && batch.lastSerial() <= completed;
}

}  // namespace

void Scheduler::takeOut(Group& group, std::size_t index, std::vector<std::unique_ptr<Batch>>& trash) {
  memory_.give(group.batches[index]->bytes());
  if (current_.batch == group.batches[index].get()) current_ = {};
  trash.push_back(std::move(group.batches[index]));
  group.batches.erase(group.batches.begin() + static_cast<std::ptrdiff_t>(index));
}

void Scheduler::collectUnused(std::uint64_t bytes, std::uint64_t completed,
                              std::vector<std::unique_ptr<Batch>>& trash) {
  for (const auto& [key, group] : groups_) {
    for (std::size_t i = group->batches.size(); i-- > 0;)
      if (group->batches[i]->shape().lanes < group->lanes() && unused(*group->batches[i], completed))
        takeOut(*group, i, trash);
  }
  while (!memory_.fits(bytes)) {
    Group* oldest = nullptr;
    std::size_t index = 0;
    for (const auto& [key, group] : groups_) {
      if (!group->waiting.empty()) continue;
      for (std::size_t i = 0; i < group->batches.size(); ++i) {
        if (!unused(*group->batches[i], completed)) continue;
        if (oldest && oldest->batches[index]->lastUse <= group->batches[i]->lastUse) continue;
        oldest = group.get();
        index = i;
      }
    }
    if (!oldest) return;
    oldest->atLeast = 0;
    takeOut(*oldest, index, trash);
  }
}

void Scheduler::forgetUnused(const Model& model, std::uint64_t completed, std::vector<std::unique_ptr<Batch>>& trash) {
  for (auto it = groups_.begin(); it != groups_.end();) {
    Group& group = *it->second;
    const bool mine = group.model.get() == &model && group.waiting.empty() && !group.building;
    for (std::size_t i = mine ? group.batches.size() : 0; i-- > 0;)
      if (unused(*group.batches[i], completed)) takeOut(group, i, trash);
    if (!mine || !group.batches.empty()) {
      ++it;
      continue;
    }
    if (current_.group == &group) current_ = {};
    it = groups_.erase(it);
  }
}

}  // namespace rivulet::plugin
