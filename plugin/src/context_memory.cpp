// Room under the limits: what has to go so that something else fits, and the destruction of what goes.
//
// Nothing goes in vain: first it is found out whether all that can go is enough. What went counts until it has been
// destroyed, which is done outside the lock, by the builder or by whoever needs the room.
#include <algorithm>
#include <map>

#include "context.h"

namespace rivulet::plugin {

/// Takes the memory, so that what needs it can be made; nullopt: it does not fit now.
std::optional<Context::Room> Context::reserve(std::unique_lock<std::mutex>& lock, const Need& need) {
  const std::uint64_t imageBytes = need.kind ? need.kind->bytes : 0;
  do {
    Room room;
    if (need.kind && memory_.fits(need.bytes)) room.place = images_.take(*need.kind);
    // As many places as fit without anybody's having to go.
    room.newPlaces = need.kind && !room.place ? ImageStore::mostPlaces(*need.kind) : 0;
    const auto fits = [&] {
      room.bytes = need.bytes + room.newPlaces * imageBytes;
      return memory_.fits(room.bytes) && admits(need, room);
    };
    while (!fits() && room.newPlaces > 1) room.newPlaces /= 2;
    const bool textureFits = imageBytes <= textureLimit_ && textureBytes_ <= textureLimit_ - imageBytes;
    if (textureFits && memory_.fits(room.bytes) && admits(need, room)) {
      memory_.take(room.bytes);
      textureBytes_ += imageBytes;
      return room;
    }
    if (room.place) images_.giveBack(room.place);  // others are in that slab: it stays
    if (!admits(need, room)) return std::nullopt;
  } while (makeRoom(lock, need));
  return std::nullopt;
}

/// Whether the requests that are not done could still be finished, one size after another, if one of them held this as
/// well. Else they would all wait for memory that they hold themselves.
bool Context::admits(const Need& need, const Room& room) const {
  if (need.group || memory_.limit() == UINT64_MAX) return true;
  std::uint64_t held = room.bytes + making_, largest = need.leastNetwork;
  std::vector<const ImageSlab*> slabs;
  if (room.place) slabs.push_back(room.place.slab);
  works_.forEach([&](const std::shared_ptr<Work>& work) {
    if (work->givenState.size() != 0) held += work->givenBytes;
    if (work->over() || work->state == RVL_STATE_READY || work->state == RVL_STATE_EVICTED) return;
    largest = std::max(largest, work->leastNetwork);
    if (work->image.place) slabs.push_back(work->image.place.slab);
  });
  std::sort(slabs.begin(), slabs.end());
  slabs.erase(std::unique(slabs.begin(), slabs.end()), slabs.end());
  for (const ImageSlab* slab : slabs) held += slab->bytes();
  return held <= memory_.limit() && largest <= memory_.limit() - held;
}

/// One step towards it, for which the lock may be released. False: what there is cannot go.
bool Context::makeRoom(std::unique_lock<std::mutex>& lock, const Need& need) {
  if (emptying_) {
    freed_.wait(lock);
    return true;
  }
  if (!trash_.empty()) {
    emptyTrash(lock);
    return true;
  }
  const std::optional<Clearance> clearance = clearanceFor(need);
  if (!clearance) return false;
  for (Work* work : clearance->images) evict(*work);
  if (clearance->bytes == 0) return !trash_.empty();
  scheduler_.collectUnused(clearance->bytes, need.group, recordings_.completed(), trash_);
  // Weights that no network reads any more go once the networks have, if those were not enough.
  if (!trash_.batches.empty()) return true;
  forEachModel([&](Model& model) {
    std::erase_if(model.sets, [&](std::unique_ptr<WeightSet>& set) {
      if (!disused(*set, need.group)) return false;
      scheduler_.forget(*set);
      trash_.sets.push_back(std::move(set));
      return true;
    });
  });
  return !trash_.empty();
}

bool Context::disused(const WeightSet& set, const Group* group) const {
  const std::uint64_t completed = recordings_.completed();
  return set.copySerial <= completed && scheduler_.unused(set, group, completed);
}

bool Context::hasRoom(const Need& need) const {
  return missing(need, false) == 0 || clearanceFor(need).has_value();
}

/// Whether it would fit if all requests but the group's own had finished, and its weights were copied. Images that are
/// not ready, or acquired, stay.
bool Context::couldHaveRoom(const Need& need) const {
  std::uint64_t others = scheduler_.bytesOfOthers(*need.group);
  forEachModel([&](const Model& model) {
    for (const std::unique_ptr<WeightSet>& set : model.sets)
      others += need.group->weights == set.get() ? set->staging.allocatedSize() : set->bytes();
  });
  return clearanceFor(need, others).has_value();
}

/// Bytes that do not fit yet; `place`: an image goes where another one is now.
std::uint64_t Context::missing(const Need& need, bool place) const {
  const bool slab = need.kind && !place && !images_.hasPlace(*need.kind);
  return memory_.missing(need.bytes + (slab ? need.kind->bytes : 0));
}

/// Nullopt: not even all that can go now is enough.
std::optional<Context::Clearance> Context::clearanceFor(const Need& need) const {
  // A request's image takes the place of other images, a network that of other networks, before anything else.
  if (!need.group) {
    if (auto images = clearanceFor(need, 0)) return images;
  }
  std::uint64_t networks = scheduler_.unusedBytes(need.group, recordings_.completed());
  forEachModel([&](const Model& model) {
    for (const std::unique_ptr<WeightSet>& set : model.sets)
      if (disused(*set, need.group)) networks += set->bytes();
  });
  return clearanceFor(need, networks);
}

/// The longest unused images, and no more of them than it takes if so many bytes of networks and weights can go too.
std::optional<Context::Clearance> Context::clearanceFor(const Need& need, std::uint64_t networks) const {
  const std::uint64_t imageBytes = need.kind ? need.kind->bytes : 0;
  std::uint64_t textures = textureBytes_, left = missing(need, false), freed = 0;
  const auto textureLeft = [&] { return imageBytes > textureLimit_ || textures > textureLimit_ - imageBytes; };
  const auto memoryLeft = [&] { return left > freed + networks; };
  Clearance result;
  if (!textureLeft() && !memoryLeft()) {
    result.bytes = left;
    return result;
  }
  // More lanes are not worth an image.
  if (need.group && !need.group->batches.empty()) return std::nullopt;
  std::vector<Work*> candidates;
  works_.forEach([&](const std::shared_ptr<Work>& work) {
    if (work->state == RVL_STATE_READY && work->image.place && work->pins == 0) candidates.push_back(work.get());
  });
  const auto later = [](const Work* a, const Work* b) { return a->lastUse > b->lastUse; };
  std::make_heap(candidates.begin(), candidates.end(), later);
  std::map<const ImageSlab*, std::uint32_t> gone;
  std::vector<Work*> forMemory;  // a slab goes when all of its images have
  while (textureLeft() || memoryLeft()) {
    if (candidates.empty()) return std::nullopt;
    std::pop_heap(candidates.begin(), candidates.end(), later);
    Work* const work = candidates.back();
    candidates.pop_back();
    const ImageSlab& slab = *work->image.place.slab;
    (textureLeft() ? result.images : forMemory).push_back(work);
    textures -= slab.kind.bytes;
    if (++gone[&slab] == slab.images()) freed += slab.bytes();
    if (need.kind && slab.kind == *need.kind) {
      left = missing(need, true);
      if (forMemory.empty() || memoryLeft()) continue;
      // Of those that went for memory, this one's place is enough.
      result.images.push_back(work);
      forMemory.clear();
    }
  }
  for (Work* work : forMemory)
    if (gone[work->image.place.slab] == work->image.place.slab->images()) result.images.push_back(work);
  result.bytes = left - std::min(left, freed);
  return result;
}

void Context::evict(Work& work) {
  work.state = RVL_STATE_EVICTED;
  work.target.image = VK_NULL_HANDLE;
  textureBytes_ -= work.image.bytes();
  trash_.put(std::move(work.image), images_);
  ++statistics_.evicted;
}

/// Destroys it outside the lock.
void Context::emptyTrash(std::unique_lock<std::mutex>& lock) {
  while (emptying_) freed_.wait(lock);
  emptying_ = true;
  std::swap(going_, trash_);
  lock.unlock();
  const std::uint64_t bytes = going_.bytes();
  going_.destroy();
  lock.lock();
  memory_.give(bytes);
  emptying_ = false;
  freed_.notify_all();
  wakeBuilder();
}

}  // namespace rivulet::plugin
