// The context's own thread: compiles networks, packs weights, destroys what is no longer needed. It holds the lock only
// to look and to publish.
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

void Context::buildOnce(std::unique_lock<std::mutex>& lock) {
  sweep();
  if (!trash_.empty()) {
    Trash old;
    old.images.reserve(trash_.images.capacity());
    old.buffers.reserve(trash_.buffers.capacity());
    std::swap(old, trash_);
    lock.unlock();
    old.clear();
    lock.lock();
    return;
  }
  Group* const group = lost_ ? nullptr : scheduler_.nextToBuild();
  blocked_ = group && !build(lock, *group);
  if ((!group || blocked_) && !stopping_ && trash_.empty()) wake_.wait(lock);
}

/// Batches that a larger one replaces, groups nobody asks for, models nobody uses.
void Context::sweep() {
  if (lost_) return;
  scheduler_.collectUnused(0, recordings_.completed(), trash_.batches);
  for (std::size_t i = dying_.size(); i-- > 0;)
    scheduler_.forgetUnused(*dying_[i], recordings_.completed(), trash_.batches);
  std::erase_if(dying_, [&](std::shared_ptr<Model>& model) {
    if (model.use_count() != 1 || !trash_.batches.empty()) return false;
    const auto inUse = [&](const auto& set) { return set->copySerial > recordings_.completed(); };
    if (std::any_of(model->sets.begin(), model->sets.end(), inUse)) return false;
    for (const std::unique_ptr<WeightSet>& set : model->sets) memory_.give(set->bytes);
    trash_.models.push_back(std::move(model));
    return true;
  });
}

/// Makes room, evicting what is unused. False where that has to wait for others.
bool Context::reserve(Group& group, std::uint64_t bytes) {
  scheduler_.collectUnused(bytes, recordings_.completed(), trash_.batches);
  while (!memory_.fits(bytes) && group.batches.empty())
    if (!evictOldest()) break;
  if (!memory_.fits(bytes)) return false;
  memory_.take(bytes);
  return true;
}

void Context::buildFailed(Group& group, RvlResult error, const std::string& message) {
  group.error = error;
  group.message = message;
  group.wanted = 0;
  if (!group.batches.empty()) return;  // those there are go on
  while (!group.waiting.empty()) {
    const std::shared_ptr<Work> work = group.waiting.pop();
    work->state = RVL_STATE_FAILED;
    work->error = error;
    work->message = message;
    ++statistics_.failed;
    retire(*work);
  }
}

/// False: nothing to be done before something else is finished with.
bool Context::build(std::unique_lock<std::mutex>& lock, Group& group) {
  const std::shared_ptr<Model> model = group.model;
  engine::LaneShape shape = group.shape;
  shape.lanes = group.wanted;
  group.building = true;
  bool published = false;
  std::uint64_t taken = 0;
  try {
    std::unique_ptr<Batch> batch;
    while (!batch) {
      lock.unlock();
      engine::LaneGraph built = engine::planLanes(*model->network, *device_, shape);
      const graph::MemoryPlan plan = built.graph.memory();
      const std::uint64_t bytes = plan.arenaBytes + engine::ImageOutput::plannedBytes(shape.width, shape.height);
      lock.lock();
      WeightSet* set = model->setFor(built.graph);
      const std::uint64_t weightBytes = set != nullptr ? 0 : plan.weightBytes;
      if (!reserve(group, bytes + weightBytes)) {
        const bool smaller = shape.lanes > 1 && shape.lanes / 2 > group.lanes();
        if (smaller) {
          shape.lanes /= 2;
          continue;
        }
        group.building = false;
        if (group.batches.empty()) return false;  // it fits alone: others have to finish first
        group.wanted = 0;
        return true;
      }
      taken = bytes + weightBytes;
      Trash old;  // its memory is counted as free already
      std::swap(old.batches, trash_.batches);
      lock.unlock();
      old.clear();
      if (set == nullptr) {
        auto made = std::make_unique<WeightSet>();
        made->weights = graph::WeightBuffer::prepare(built.graph, device_, model->network->info().name, made->staging);
        made->bytes = weightBytes;
        set = made.get();
        lock.lock();
        model->sets.push_back(std::move(made));
        taken -= weightBytes;
        lock.unlock();
      }
      batch = std::make_unique<Batch>(model, set->weights, *pipelines_, std::move(built), shape, bytes);
      lock.lock();
      group.weights = set;
    }
    group.batches.push_back(std::move(batch));
    published = true;
    group.wanted = scheduler_.lanesFor(group);
    if (group.wanted <= group.atLeast && group.lanes() < group.atLeast) group.wanted = 0;  // memory has the last word
  } catch (...) {
    const RvlResult error = currentFailure();
    if (!lock.owns_lock()) lock.lock();
    if (!published) memory_.give(taken);
    group.building = false;
    lost_ = lost_ || error == RVL_ERROR_DEVICE_LOST;
    buildFailed(group, error, lastError());
  }
  group.building = false;
  return true;
}

}  // namespace rivulet::plugin
