#include "vk/retire_queue.h"

#include <limits>
#include <utility>
#include <vector>

namespace rivulet::vk {

void RetireQueue::retire(std::uint64_t serial, std::function<void()> destroy) {
  const std::lock_guard lock(mutex_);
  entries_.emplace(serial, std::move(destroy));
}

void RetireQueue::collect(std::uint64_t completed) {
  std::vector<std::function<void()>> ready;  // in order of serial, then of retire(): what a multimap keeps
  {
    const std::lock_guard lock(mutex_);
    const auto end = entries_.upper_bound(completed);
    for (auto entry = entries_.begin(); entry != end; ++entry) ready.push_back(std::move(entry->second));
    entries_.erase(entries_.begin(), end);
  }
  for (const std::function<void()>& destroy : ready) destroy();
}

void RetireQueue::drain() {
  // A callback may retire something else: go on until nothing is left.
  while (pending() != 0) collect(std::numeric_limits<std::uint64_t>::max());
}

std::size_t RetireQueue::pending() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace rivulet::vk
