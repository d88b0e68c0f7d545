#pragma once
// What one call of record() or tick() may still do: the rest of its budget, and the recording it goes into.

#include <algorithm>

#include "recordings.h"

namespace rivulet::plugin {

struct Slice {
  /// No dispatch takes longer: drivers reset devices that are busy with one for long, and a host's own work waits for
  /// it. What costs have varied by is on top.
  static constexpr double kLongestDispatch = 1500;  // microseconds

  const vk::Device& device;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  Recording& recording;
  double left = 0;  // microseconds
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t lastMark = kNone;  // the time stamp behind the last measured() piece, while nothing else was recorded

  /// Whether something of this cost may still go in. The first thing always may: a budget below one dispatch would
  /// otherwise never do anything.
  bool fits(double microseconds) const {
    if (recording.timed.size() == Recording::kMostUnits) return false;
    return recording.dispatches == 0 ? left > 0 : microseconds <= left;
  }
  /// How much of a unit that can be recorded in `all` parts may go in now, `rest` of them being left to do: everything,
  /// or, where that would be too long for one dispatch or for a whole slice, some of them. 0: the slice is full.
  std::uint32_t share(double microseconds, std::uint32_t all, std::uint32_t rest) const {
    const double longest = std::min(kLongestDispatch, recording.budget);
    const double wanted = microseconds * rest / all;
    if (wanted <= longest || all == 1) return fits(wanted) ? rest : 0;
    // What is left of a slice is not worth a small part of something long.
    const double room = std::min(longest, left);
    if (!fits(longest / 4)) return 0;
    const auto count = std::clamp(static_cast<std::uint32_t>(all * std::max(room, 0.0) / microseconds), 1u, rest);
    return fits(microseconds * count / all) ? count : 0;  // one of them alone may be too long
  }
  /// Accounts for a piece of work about to be recorded; `mark` is the time stamp before it.
  void add(engine::CostModel& costs, const engine::CostShare& share, std::uint32_t mark, OpTotal& op,
           double multiplyAdds) {
    const double cost = costs.cost(share.unit) * share.part;
    recording.timed.push_back({&costs, share, mark, &op, multiplyAdds});
    recording.expected += cost;
    ++recording.dispatches;
    left -= cost;
  }
  /// Records it between two time stamps, of which the first is that behind the piece before where that is lastMark.
  template <class Record>
  void measured(engine::CostModel& costs, const engine::CostShare& share, OpTotal& op, Record&& record) {
    add(costs, share, lastMark != kNone ? lastMark : recording.timer->mark(commands), op, 0);
    record();
    lastMark = recording.timer->mark(commands);
  }
};

}  // namespace rivulet::plugin
