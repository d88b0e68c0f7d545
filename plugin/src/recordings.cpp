#include "recordings.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rivulet::plugin {
namespace {

constexpr double kOverheadWeight = 0.1;   // of a new measurement
constexpr double kShortestGrowth = 1.01;  // each recording, so that a busier host is noticed
constexpr double kLeastShare = 0.05;      // of the time that passed, for what was recorded

}  // namespace

Recordings::Recordings(std::shared_ptr<vk::Device> device, std::uint32_t count)
    : device_(std::move(device)), ring_(count + 1), marks_(Recording::kMostMarks) {
  shares_.reserve(Recording::kMostUnits);
  for (Recording& recording : ring_) {
    recording.timer = std::make_unique<vk::GpuTimer>(device_, static_cast<std::uint32_t>(marks_.size()));
    recording.timed.reserve(Recording::kMostUnits);
  }
  written_ = vk::Buffer(device_, vk::BufferUse::Readback, ring_.size() * (1 + marks_.size()) * sizeof(std::uint64_t),
                        "recordings that ran");
  std::memset(written_.mapped().data(), 0, written_.mapped().size());
  written_.flush();
}

bool Recordings::unfinished(std::uint64_t serial) const {
  for (std::size_t i = 0; i < inFlight_; ++i)
    if (inFlight(i).since <= serial && serial <= inFlight(i).serial) return true;
  return false;
}

std::string Recordings::unfinished() const {
  std::string list;
  for (std::size_t i = 0; i < inFlight_; ++i) list += (i == 0 ? "" : ", ") + std::to_string(inFlight(i).serial);
  return list;
}

Recording& Recordings::begin(VkCommandBuffer commands) {
  Recording& recording = ring_[(first_ + inFlight_) % ring_.size()];
  ++inFlight_;
  recording.serial = recording.since = ++lastSerial_;
  recording.timed.clear();
  recording.expected = recording.budget = 0;
  recording.dispatches = 0;
  recording.probe = false;
  recording.began = Clock::now();
  waited_ = 0;
  recording.timer->begin(commands);
  recording.timer->mark(commands);
  return recording;
}

Recording& Recordings::probe(VkCommandBuffer commands) {
  std::uint64_t since = 0;
  if (inFlight_ == ring_.size()) {
    --inFlight_;
    since = ring_[(first_ + inFlight_) % ring_.size()].since;
  }
  Recording& recording = begin(commands);
  recording.probe = true;
  if (since != 0) recording.since = since;
  end(commands, recording);
  return recording;
}

void Recordings::end(VkCommandBuffer commands, const Recording& recording) {
  const vk::DeviceFunctions& fn = device_->fn();
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &barrier, 0,
                        nullptr, 0, nullptr);
  fn.CmdUpdateBuffer(commands, written_.handle(), slotOf(recording) * sizeof recording.serial, sizeof recording.serial,
                     &recording.serial);
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                        nullptr, 0, nullptr);
  recording.timer->mark(commands);
  recording.timer->copy(commands, written_, marksOf(recording));
}

std::uint64_t Recordings::marksOf(const Recording& recording) const {
  return (ring_.size() + slotOf(recording) * marks_.size()) * sizeof(std::uint64_t);
}

void Recordings::undo() {
  --inFlight_;
  ring_[(first_ + inFlight_) % ring_.size()].serial = 0;
  --lastSerial_;
}

bool Recordings::drop(std::uint64_t serial) {
  bool work = false;
  while (inFlight_ > 0) {
    Recording& latest = ring_[(first_ + inFlight_ - 1) % ring_.size()];
    if (latest.serial < serial) break;
    work = work || !latest.probe;
    latest.serial = 0;
    --inFlight_;
  }
  if (inFlight_ == 0) completed_ = lastSerial_;  // what was dropped never runs: nothing has to wait for it
  return work;
}

Recordings::Finished Recordings::finish(std::uint64_t serial) {
  Finished result;
  if (serial <= completed_) return result;
  if (!empty() && oldest().serial <= serial) written_.invalidate();
  while (inFlight_ > 0 && oldest().serial <= serial) {
    // Out of the ring first: should measuring fail, it is not looked at again, when its batch may be gone.
    Recording& recording = oldest();
    const std::uint64_t expected = std::exchange(recording.serial, 0);
    first_ = (first_ + 1) % ring_.size();
    --inFlight_;
    completed_ = expected;
    std::uint64_t mark = 0;
    std::memcpy(&mark, written_.mapped().data() + slotOf(recording) * sizeof mark, sizeof mark);
    if (recording.probe) continue;  // of nothing: whether it ran does not matter, nor how long
    if (mark == expected) {
      result.microseconds += measure(recording);
      result.budget += recording.budget;
    } else if (result.missing == 0) {
      result.missing = expected;
    }
  }
  completed_ = inFlight_ == 0 ? std::max(serial, lastSerial_) : serial;
  lastFinished_ = Clock::now();
  return result;
}

double Recordings::measure(Recording& recording) {
  const std::size_t count = recording.timer->read(written_, marksOf(recording), marks_);
  double sum = 0;
  if (count > 1) {
    for (const Timed& timed : recording.timed) {
      if (timed.mark + 1 >= count) continue;
      const double microseconds = marks_[timed.mark + 1] - marks_[timed.mark];
      timed.costs->measured(timed.share.unit, microseconds, timed.share.part);
      timed.op->count(microseconds, timed.multiplyAdds);
      sum += microseconds;
    }
    const double all = marks_[count - 1] - marks_[0];
    overhead_ += kOverheadWeight * (std::max(all - sum, 0.0) - overhead_);
    return all;
  }
  if (recording.timer->available() || recording.timed.empty()) return 0;
  // The host's clock: it took no longer than since it was recorded, or since the one before had finished. What even the
  // shortest took was the host's own frame and the way there and back. Shared out over the units of one model at a
  // time.
  const auto began = std::max(recording.began, lastFinished_);
  const double passed = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
  shortest_ = shortest_ == 0 ? passed : std::min(passed, shortest_ * kShortestGrowth);
  sum = std::max(passed - shortest_, kLeastShare * passed);
  for (std::size_t i = 0; i < recording.timed.size();) {
    engine::CostModel* const costs = recording.timed[i].costs;
    double expected = 0;
    shares_.clear();
    const std::size_t first = i;
    for (; i < recording.timed.size() && recording.timed[i].costs == costs; ++i) {
      const engine::CostShare& share = recording.timed[i].share;
      shares_.push_back(share);
      expected += costs->cost(share.unit) * share.part;
    }
    const double together = sum * expected / std::max(recording.expected, expected);
    for (std::size_t k = first; k < i && expected > 0; ++k) {
      const Timed& timed = recording.timed[k];
      timed.op->count(together * costs->cost(timed.share.unit) * timed.share.part / expected, timed.multiplyAdds);
    }
    costs->measuredTogether(shares_, together);
  }
  return sum;
}

}  // namespace rivulet::plugin
