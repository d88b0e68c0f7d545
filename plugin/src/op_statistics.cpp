#include "op_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace rivulet::plugin {

OpTotal& OpStatistics::of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  OpTotal*& total = byName_[name];
  if (!total) {
    total = &totals_.emplace_back();
    total->name = name;
  }
  return *total;
}

std::vector<RvlOpStatistics> OpStatistics::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<RvlOpStatistics> result;
  result.reserve(totals_.size());
  for (const OpTotal& total : totals_) {
    RvlOpStatistics& op = result.emplace_back();
    std::memcpy(op.name, total.name.data(), std::min(total.name.size(), sizeof op.name - 1));
    op.dispatches = total.dispatches;
    op.device_us = total.microseconds;
    op.multiply_adds = static_cast<std::uint64_t>(std::llround(total.multiplyAdds));
  }
  return result;
}

}  // namespace rivulet::plugin
