#pragma once
// What one call of record() or tick() may still do: the rest of its budget, and the recording it goes into.

#include "recordings.h"

namespace rivulet::plugin {

struct Slice {
  const vk::Device& device;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  Recording& recording;
  double left = 0;  // microseconds

  /// Whether something of this cost may still go in. The first thing always may: a budget below one dispatch would
  /// otherwise never do anything.
  bool fits(double microseconds) const {
    if (recording.timed.size() == Recording::kMostUnits) return false;
    return recording.dispatches == 0 ? left > 0 : microseconds <= left;
  }
  /// Accounts for a unit about to be recorded; `mark` is the time stamp before it.
  void add(engine::CostModel& costs, std::uint32_t unit, std::uint32_t mark) {
    const double cost = costs.cost(unit);
    recording.timed.push_back({&costs, unit, mark});
    recording.expected += cost;
    ++recording.dispatches;
    left -= cost;
  }
  /// Records one unit between two time stamps.
  template <class Record>
  void measured(engine::CostModel& costs, std::uint32_t unit, Record&& record) {
    add(costs, unit, recording.timer->mark(commands));
    record();
    recording.timer->mark(commands);
  }
};

}  // namespace rivulet::plugin
