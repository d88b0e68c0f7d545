#pragma once
// Destruction deferred until the device has finished with an object: callbacks ordered by the serial that protects
// them.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace rivulet::vk {

/// Thread-safety: any thread. Callbacks run on the thread that calls collect() or drain(), outside the lock.
class RetireQueue {
 public:
  ~RetireQueue() { drain(); }
  /// `destroy` runs once `serial` has completed.
  void retire(std::uint64_t serial, std::function<void()> destroy);
  /// Runs every callback whose serial is at most `completed`.
  void collect(std::uint64_t completed);
  /// Runs all of them; the caller knows that the device is idle.
  void drain();
  std::size_t pending() const;

 private:
  mutable std::mutex mutex_;
  std::multimap<std::uint64_t, std::function<void()>> entries_;
};

}  // namespace rivulet::vk
