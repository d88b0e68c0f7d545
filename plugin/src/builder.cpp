// The context's own thread: compiles networks, packs weights, destroys what is no longer needed. It holds the lock only
// to look and to publish. Nobody else removes groups, so that one it is at work on stays.
#include <algorithm>
#include <chrono>

#include "context.h"
#include "core/error.h"
#include "engine/lanes.h"

namespace rivulet::plugin {

void Context::buildLoop() {
  const MessageScope scope(messages_);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    try {
      buildOnce(lock);
    } catch (const std::exception&) {
      // No memory for the bookkeeping itself. Nothing is lost by trying again when others have given some back.
      if (!lock.owns_lock()) lock.lock();
      wake_.wait_for(lock, std::chrono::milliseconds(10));
    }
  }
}

void Context::wakeBuilder() {
  ++changes_;
  wake_.notify_one();
}

void Context::buildOnce(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t seen = changes_;
  sweep();
  if (!trash_.empty()) {
    emptyTrash(lock);
    return;
  }
  scheduler_.forEachGroup([](Group& group) { group.noRoom = false; });
  const Group* waiting = nullptr;
  blocked_ = false;
  while (Group* group = lost_ ? nullptr : scheduler_.nextToBuild()) {
    if (build(lock, *group)) return;
    blocked_ = true;
    // Others are held back for the most urgent one that this helps; what not even that helps is in nobody's way.
    if (couldHaveRoom({group->needed, nullptr, group})) {
      waiting = group;
      break;
    }
    group->noRoom = true;
  }
  // With others held back there may be room at once.
  if (!scheduler_.holdFor(waiting) && changes_ == seen && !stopping_) wake_.wait(lock);
}

/// Batches that a larger one replaces, groups nobody asks for, models nobody uses.
void Context::sweep() {
  if (lost_) return;
  const std::uint64_t completed = recordings_.completed();
  scheduler_.collectReplaced(completed, trash_);
  for (const std::shared_ptr<Model>& model : dying_) scheduler_.forgetUnused(*model, completed, trash_);
  scheduler_.removeEmpty();
  tunings_.forgetUnused();
  std::erase_if(dying_, [&](std::shared_ptr<Model>& model) {
    if (model.use_count() != 1 || !trash_.batches.empty()) return false;
    const auto inUse = [&](const auto& set) { return set->copySerial > completed; };
    if (std::any_of(model->sets.begin(), model->sets.end(), inUse)) return false;
    trash_.models.push_back(std::move(model));
    return true;
  });
}

void Context::buildFailed(Group& group, RvlResult error, const std::string& message) {
  group.error = error;
  group.message = message;
  group.wanted = 0;
  if (!group.batches.empty()) return;  // those there are go on
  while (!group.waiting.empty()) {
    const std::shared_ptr<Work> work = group.waiting.pop();
    work->group = nullptr;
    work->state = RVL_STATE_FAILED;
    work->error = error;
    work->message = message;
    ++statistics_.failed;
    retire(*work);
  }
}

/// False: there is no room for it now.
bool Context::build(std::unique_lock<std::mutex>& lock, Group& group) {
  bool built = false;
  group.building = true;
  try {
    if (hasRoom({group.needed, nullptr, &group})) built = tryBuild(lock, group);
  } catch (...) {
    const RvlResult error = currentFailure();
    if (!lock.owns_lock()) lock.lock();
    group.building = false;
    lost_ = lost_ || error == RVL_ERROR_DEVICE_LOST;
    buildFailed(group, error, lastError());
    return true;
  }
  group.building = false;
  if (built) {
    group.needed = 0;
    group.wanted = scheduler_.lanesFor(group);
    if (group.wanted <= group.atLeast && group.lanes() < group.atLeast) group.wanted = 0;  // memory has the last word
    return true;
  }
  if (group.batches.empty()) return false;
  group.wanted = 0;  // those there are go on
  return true;
}

/// Makes a network of as many of the lanes wanted as there is room for, after its weights.
bool Context::tryBuild(std::unique_lock<std::mutex>& lock, Group& group) {
  const std::shared_ptr<Model> model = group.model;
  engine::LaneShape shape = group.shape;
  for (shape.lanes = group.wanted; shape.lanes > group.lanes(); shape.lanes /= 2) {
    lock.unlock();
    engine::LaneGraph planned = engine::planLanes(*model->network, *device_, shape, tunings_.kernels());
    const NetworkBytes bytes = networkBytes(*device_, planned.graph.memory(), shape);
    lock.lock();
    const WeightSet* const set = weightsFor(lock, group, planned.graph, bytes);
    if (!set) continue;
    group.needed = bytes.network;
    if (!reserve(lock, {bytes.network, nullptr, &group})) continue;
    lock.unlock();
    std::unique_ptr<Batch> batch;
    try {
      batch = std::make_unique<Batch>(model, set->weights, *pipelines_, std::move(planned), shape, bytes.network, ops_);
    } catch (...) {
      lock.lock();
      memory_.give(bytes.network);
      throw;
    }
    lock.lock();
    group.batches.push_back(std::move(batch));
    return true;
  }
  return false;
}

/// Those the model has, or new ones; null: there is no room for them now. They are on their way to the device from then
/// on, and need the room of what they are copied from no longer than that takes.
WeightSet* Context::weightsFor(std::unique_lock<std::mutex>& lock, Group& group, const graph::Graph& graph,
                               const NetworkBytes& bytes) {
  Model& model = *group.model;
  group.weights = model.setFor(graph);
  if (group.weights) return group.weights;
  // Not without the network's own room: others may have to give theirs, and nothing could read these.
  group.needed = bytes.peak();
  if (!hasRoom({group.needed, nullptr, &group})) return nullptr;
  const std::uint64_t needed = bytes.weights + bytes.staging;
  if (!reserve(lock, {needed, nullptr, &group})) return nullptr;
  auto made = std::make_unique<WeightSet>();
  lock.unlock();
  try {
    made->weights = graph::WeightBuffer::prepare(graph, device_, model.network->info().name, made->staging);
    lock.lock();
    model.sets.push_back(std::move(made));
  } catch (...) {
    made.reset();
    if (!lock.owns_lock()) lock.lock();
    memory_.give(needed);
    throw;
  }
  return group.weights = model.sets.back().get();
}

}  // namespace rivulet::plugin
