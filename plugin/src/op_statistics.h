#pragma once
// What the device has spent on each kind of op, over all networks of a context: of those that are gone, too.

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "rivulet/rivulet.h"

namespace rivulet::plugin {

/// One kind. Recordings that have finished are counted; guarded by the context's lock.
struct OpTotal {
  std::string name;
  std::uint64_t dispatches = 0;
  double microseconds = 0, multiplyAdds = 0;

  void count(double microsecondsMore, double multiplyAddsMore) {
    ++dispatches;
    microseconds += microsecondsMore;
    multiplyAdds += multiplyAddsMore;
  }
};

class OpStatistics {
 public:
  /// The total of a kind, by what labels call it; made if there is none. It stays where it is as long as this lives.
  /// May allocate: batches ask once, when they are made. Thread-safe.
  OpTotal& of(const std::string& name);
  /// Copies of all, in the order in which they were met. Thread-safety: the context's lock.
  std::vector<RvlOpStatistics> all() const;

 private:
  mutable std::mutex mutex_;  // of the list, not of what is counted
  std::deque<OpTotal> totals_;
  std::map<std::string, OpTotal*> byName_;
};

}  // namespace rivulet::plugin
