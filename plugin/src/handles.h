#pragma once
// Handles that can be checked: a slot, how often the slot was used before, and whose table it is.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "failure.h"

namespace rivulet::plugin {

/// Thread-safety: its owner's lock. Only insert() allocates.
template <class T>
class HandleTable {
 public:
  /// `tag` tells tables apart; `kind` is what messages call the objects.
  HandleTable(std::uint16_t tag, const char* kind) : tag_(tag), kind_(kind) {}

  std::uint64_t insert(std::shared_ptr<T> object) {
    if (free_.empty()) {
      if (slots_.size() == kMostSlots)
        throw Failure(RVL_ERROR_OUT_OF_HOST_MEMORY, std::string("too many ") + kind_ + "s");
      free_.reserve(slots_.size() + 1);  // erase() must not fail
      slots_.emplace_back();
      free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.object = std::move(object);
    slot.generation = (slot.generation + 1) & kGenerations;
    if (slot.generation == 0) slot.generation = 1;  // no handle is zero
    return std::uint64_t{slot.generation} << 40 | std::uint64_t{index} << 16 | tag_;
  }

  /// Errors: INVALID_HANDLE.
  const std::shared_ptr<T>& at(std::uint64_t id) const { return slots_[indexOf(id)].object; }

  std::shared_ptr<T> erase(std::uint64_t id) {
    const std::uint32_t index = indexOf(id);
    free_.push_back(index);
    return std::exchange(slots_[index].object, nullptr);
  }

  template <class Visit>
  void forEach(Visit&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.object) visit(slot.object);
  }

 private:
  static constexpr std::uint32_t kGenerations = (1u << 24) - 1, kMostSlots = 1u << 24;
  struct Slot {
    std::shared_ptr<T> object;
    std::uint32_t generation = 0;
  };
  std::uint32_t indexOf(std::uint64_t id) const {
    const auto index = static_cast<std::uint32_t>(id >> 16) & (kMostSlots - 1);
    const auto generation = static_cast<std::uint32_t>(id >> 40);
    if (static_cast<std::uint16_t>(id) != tag_ || index >= slots_.size() || !slots_[index].object ||
        slots_[index].generation != generation) {
      throw Failure(
          RVL_ERROR_INVALID_HANDLE,
          std::string("no ") + kind_ + " has this handle: it is zero, released, or " + "belongs to another context");
    }
    return index;
  }

  std::uint16_t tag_;
  const char* kind_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace rivulet::plugin
