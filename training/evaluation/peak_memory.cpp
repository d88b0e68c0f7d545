#include "training/evaluation/peak_memory.h"

#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>

namespace rivulet::training {
namespace {

// Totals are signed in some versions of libtorch and unsigned in others.
template <typename Method>
struct TotalOf;
template <typename Base, typename Total>
struct TotalOf<void (Base::*)(void*, std::int64_t, Total, Total, c10::Device)> {
  using Type = Total;
};
using Total = TotalOf<decltype(&c10::MemoryReportingInfoBase::reportMemoryUsage)>::Type;

}  // namespace

class PeakMemory::Count final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*pointer*/, std::int64_t size, Total /*allocated*/, Total /*reserved*/,
                         c10::Device /*device*/) override {
    bytes += size;
    peak = std::max(peak, bytes);
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::int64_t bytes = 0, peak = 0;
};

PeakMemory::PeakMemory()
    : count_(std::make_shared<Count>()),
      guard_(std::make_unique<c10::DebugInfoGuard>(c10::DebugInfoKind::PROFILER_STATE, count_)) {}

PeakMemory::~PeakMemory() = default;

std::int64_t PeakMemory::bytes() const {
  return count_->bytes;
}

std::int64_t PeakMemory::peakBytes() const {
  return count_->peak;
}

void PeakMemory::restart() {
  count_->peak = count_->bytes;
}

}  // namespace rivulet::training
