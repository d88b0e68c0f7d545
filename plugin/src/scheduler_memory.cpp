// Which networks can go to make room for others, and who is held back so that they can.
#include <algorithm>

#include "scheduler.h"

namespace rivulet::plugin {
namespace {

bool finished(const Batch& batch, std::uint64_t completed) {
  return batch.idle() && batch.atBoundary() && batch.lastSerial() <= completed;
}

}  // namespace

void Scheduler::takeOut(Group& group, std::size_t index, Trash& trash) {
  if (current_.batch == group.batches[index].get()) current_ = {};
  trash.batches.push_back(std::move(group.batches[index]));
  group.batches.erase(group.batches.begin() + static_cast<std::ptrdiff_t>(index));
}

/// No request waits for it, but such as are held back for `group`, or have no network to run on: if those kept their
/// weights, both groups would wait for what the other one has.
bool Scheduler::spared(const Group& other, const Group* group) const {
  return other.waiting.empty() || (group != nullptr && hold_ == group && (held(other) || other.batches.empty()));
}

bool Scheduler::collectible(const Group& other, const Batch& batch, const Group* group, std::uint64_t completed) const {
  return &other != group && finished(batch, completed) && spared(other, group);
}

std::uint64_t Scheduler::unusedBytes(const Group* group, std::uint64_t completed) const {
  std::uint64_t sum = 0;
  for (const auto& [key, other] : groups_)
    for (const std::unique_ptr<Batch>& batch : other->batches)
      if (collectible(*other, *batch, group, completed)) sum += batch->bytes();
  return sum;
}

std::uint64_t Scheduler::bytesOfOthers(const Group& group) const {
  std::uint64_t sum = 0;
  for (const auto& [key, other] : groups_) {
    if (other.get() == &group) continue;
    for (const std::unique_ptr<Batch>& batch : other->batches) sum += batch->bytes();
  }
  return sum;
}

bool Scheduler::unused(const WeightSet& set, const Group* group, std::uint64_t completed) const {
  return std::all_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
    const Group& other = *entry.second;
    if (other.weights != &set) return true;
    if (&other == group || other.building || !spared(other, group)) return false;
    return std::all_of(other.batches.begin(), other.batches.end(),
                       [&](const auto& batch) { return finished(*batch, completed); });
  });
}

void Scheduler::collectUnused(std::uint64_t bytes, const Group* group, std::uint64_t completed, Trash& trash) {
  for (std::uint64_t taken = 0; taken < bytes;) {
    Group* oldest = nullptr;
    std::size_t index = 0;
    for (const auto& [key, other] : groups_) {
      for (std::size_t i = 0; i < other->batches.size(); ++i) {
        if (!collectible(*other, *other->batches[i], group, completed)) continue;
        if (oldest && oldest->batches[index]->lastUse <= other->batches[i]->lastUse) continue;
        oldest = other.get();
        index = i;
      }
    }
    if (!oldest) return;
    taken += oldest->batches[index]->bytes();
    takeOut(*oldest, index, trash);
    oldest->atLeast = 0;                 // memory has the last word
    oldest->wanted = lanesFor(*oldest);  // requests held back want another one
  }
}

void Scheduler::collectReplaced(std::uint64_t completed, Trash& trash) {
  for (const auto& [key, group] : groups_)
    for (std::size_t i = group->batches.size(); i-- > 0;)
      if (group->batches[i]->shape().lanes < group->lanes() && finished(*group->batches[i], completed))
        takeOut(*group, i, trash);
}

void Scheduler::forgetUnused(const Model& model, std::uint64_t completed, Trash& trash) {
  for (auto it = groups_.begin(); it != groups_.end();) {
    Group& group = *it->second;
    const bool mine = group.model.get() == &model && group.waiting.empty() && !group.building;
    for (std::size_t i = mine ? group.batches.size() : 0; i-- > 0;)
      if (finished(*group.batches[i], completed)) takeOut(group, i, trash);
    it = mine && group.batches.empty() ? erase(it) : std::next(it);
  }
}

void Scheduler::removeEmpty() {
  for (auto it = groups_.begin(); it != groups_.end();) {
    const Group& group = *it->second;
    const bool used = !group.waiting.empty() || !group.batches.empty() || group.building || group.atLeast != 0;
    it = used ? std::next(it) : erase(it);
  }
}

Scheduler::Groups::iterator Scheduler::erase(Groups::iterator group) {
  if (current_.group == group->second.get()) current_ = {};
  if (hold_ == group->second.get()) hold_ = nullptr;
  return groups_.erase(group);
}

void Scheduler::forget(const WeightSet& set) {
  for (const auto& [key, group] : groups_) {
    if (group->weights != &set) continue;
    group->weights = nullptr;
    group->needed = 0;  // more than without them: the builder has to look
  }
}

}  // namespace rivulet::plugin
