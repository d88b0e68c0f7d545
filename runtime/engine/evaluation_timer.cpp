#include "engine/evaluation_timer.h"

#include <algorithm>

namespace rivulet::engine {
namespace {

constexpr std::uint32_t kMarks = 2;  // before and after

}  // namespace

EvaluationTimer::EvaluationTimer(const std::shared_ptr<vk::Device>& device) {
  for (Slot& slot : slots_) slot.timer = std::make_unique<vk::GpuTimer>(device, kMarks);
  if (!slots_[0].timer->available()) return;
  marks_ = vk::Buffer(device, vk::BufferUse::Readback, slots_.size() * kMarks * sizeof(std::uint64_t),
                      "times of evaluations");
}

void EvaluationTimer::begin(VkCommandBuffer commands) {
  Slot& slot = slots_[next_];
  take(slot);
  if (!slot.timer->available()) return;
  slot.timer->begin(commands);
  slot.timer->mark(commands);
}

void EvaluationTimer::end(VkCommandBuffer commands) {
  Slot& slot = slots_[next_];
  if (!slot.timer->available()) return;
  slot.timer->mark(commands);
  slot.timer->copy(commands, marks_, next_ * kMarks * sizeof(std::uint64_t));
  slot.recorded = true;
  next_ = (next_ + 1) % slots_.size();
}

void EvaluationTimer::take(Slot& slot) {
  if (!slot.recorded) return;
  slot.recorded = false;
  const auto index = static_cast<std::uint64_t>(&slot - slots_.data());
  std::array<double, kMarks> since{};
  marks_.invalidate();
  slot.timer->read(marks_, index * kMarks * sizeof(std::uint64_t), since);
  microseconds_.push_back(since[1]);
}

double EvaluationTimer::median() {
  for (Slot& slot : slots_) take(slot);
  if (microseconds_.empty()) return 0;
  const auto middle = microseconds_.begin() + static_cast<std::ptrdiff_t>(microseconds_.size() / 2);
  std::nth_element(microseconds_.begin(), middle, microseconds_.end());
  return *middle;
}

void EvaluationTimer::reset() {
  for (Slot& slot : slots_) slot.recorded = false;
  microseconds_.clear();
}

}  // namespace rivulet::engine
