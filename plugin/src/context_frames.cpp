// What happens every frame: recording, submitting, and finding out what has finished.
#include <algorithm>
#include <cmath>

#include "context.h"
#include "core/error.h"
#include "vk/label.h"

namespace rivulet::plugin {

std::uint64_t Context::finishedSerial() {
  if (submitting_) return recordings_.completed();
  if (stream_) return stream_->completed();
  if (!timeline_ || recordings_.empty()) return recordings_.completed();
  std::uint64_t value = 0;
  vk::check(device_->fn().GetSemaphoreCounterValue(device_->handle(), timeline_, &value), "vkGetSemaphoreCounterValue");
  return value;
}

void Context::collect(std::uint64_t completedByHost) {
  const std::uint64_t serial = std::max(completedByHost, std::min(finishedSerial(), recordings_.lastSerial()));
  if (serial <= recordings_.completed()) return;
  const Recordings::Finished finished = recordings_.finish(serial);
  statistics_.device_us += finished.microseconds;
  statistics_.budget_us += finished.budget;
  if (finished.missing != 0) restart(finished.missing);

  const auto ready = [&](const std::shared_ptr<Work>& work) {
    if (work->state == RVL_STATE_RECORDED && work->serial > serial) return false;
    if (work->state == RVL_STATE_RECORDED) becomeReady(*work);
    return true;
  };
  std::erase_if(recorded_, ready);
  emptyRetired();
  if (blocked_ || !trash_.empty() || !dying_.empty()) wakeBuilder();
}

void Context::becomeReady(Work& work) {
  work.state = RVL_STATE_READY;
  work.handedOver = false;
  work.latencyMicroseconds =
      static_cast<std::uint64_t>(std::chrono::duration<double, std::micro>(Clock::now() - work.requested).count());
  work.lastUse = ++uses_;
  ++statistics_.ready;
  // An image of the plugin's may have to be made again.
  if (!work.ownsImage && work.givenState.size() != 0) trash_.buffers.push_back(std::move(work.givenState));
}

void Context::emptyRetired() {
  const std::uint64_t completed = recordings_.completed();
  std::erase_if(retired_, [&](Retired& retired) {
    if (retired.serial > completed && !recordings_.empty()) return false;
    if (retired.image.place) {
      textureBytes_ -= retired.image.bytes();
      trash_.put(std::move(retired.image), images_);
    }
    if (retired.buffer.size() != 0) trash_.buffers.push_back(std::move(retired.buffer));
    return true;
  });
  forEachModel([&](Model& model) {
    for (const std::unique_ptr<WeightSet>& set : model.sets)
      if (set->staging.size() != 0 && !set->copying() && set->copySerial <= completed)
        trash_.buffers.push_back(std::move(set->staging));
  });
}

void Context::requeueRecorded(std::uint64_t serial) {
  std::erase_if(recorded_, [&](const std::shared_ptr<Work>& work) {
    if (work->state != RVL_STATE_RECORDED || work->serial < serial) return work->state != RVL_STATE_RECORDED;
    scheduler_.enqueue(work);
    return true;
  });
}

void Context::restart(std::uint64_t serial) {
  ++statistics_.restarts;
  scheduler_.restart(serial);
  requeueRecorded(serial);
}

/// A recording with what fits the budget. One without dispatches counts too: the command buffer uses what begin()
/// recorded. If it fails, it is as if it had not begun, but for what the command buffer holds already: all of it is
/// recorded again.
Recording& Context::fill(VkCommandBuffer commands, double budget) {
  Recording& recording = recordings_.begin(commands);
  recording.budget = budget;
  recording.overhead = std::min(recordings_.overhead(), 0.5 * budget);  // a busy machine's gaps are not all of it
  Slice slice{*device_, commands, recording, budget - recording.overhead};
  try {
    const vk::Label label(*device_, commands, "rivulet");
    scheduler_.record(slice, recorded_);
    recordings_.end(commands, recording);
  } catch (...) {
    const std::uint64_t serial = recording.serial;
    recordings_.undo();
    restart(serial);
    throw;
  }
  const Group* const next = scheduler_.nextToBuild();
  if (next && !scheduler_.holdsFor(*next)) wakeBuilder();
  statistics_.dispatches += recording.dispatches;
  return recording;
}

RvlRecordResult Context::record(const RvlRecordInfo& info) {
  if (!info.command_buffer) invalid("command_buffer is null");
  if (!std::isfinite(info.budget_us) || info.budget_us < 0)
    invalid("budget_us must be a number of microseconds, 0 or more");
  const std::lock_guard lock(mutex_);
  requireAlive();
  requireMode(RVL_MODE_RECORD);
  if (info.completed > recordings_.lastSerial()) {
    invalid("completed " + std::to_string(info.completed) + ": the last serial is " +
            std::to_string(recordings_.lastSerial()));
  }
  collect(info.completed);
  scheduler_.frame(Clock::now(), info.budget_us);
  RvlRecordResult result{};
  result.semaphore = timeline_;
  result.more = scheduler_.hasWork() ? VK_TRUE : VK_FALSE;
  if (info.budget_us == 0) return result;  // nothing at all
  if (!scheduler_.canRecord() || recordings_.full()) {
    recordings_.waited();
    if (recordings_.overdue()) result.serial = recordings_.probe(info.command_buffer).serial;
    return result;
  }

  const Recording& recording = fill(info.command_buffer, info.budget_us);
  result.serial = recording.serial;
  result.dispatches = recording.dispatches;
  result.expected_us = recording.expected + recording.overhead;
  result.more = scheduler_.hasWork() ? VK_TRUE : VK_FALSE;
  return result;
}

void Context::discard(std::uint64_t serial) {
  const std::lock_guard lock(mutex_);
  requireAlive();
  requireMode(RVL_MODE_RECORD);
  collect(0);
  if (!recordings_.unfinished(serial)) {
    invalid("serial " + std::to_string(serial) + ": " +
            (recordings_.empty() ? "there is no unfinished recording to be discarded"
                                 : "the recordings that can be discarded are " + recordings_.unfinished()));
  }
  if (recordings_.drop(serial)) restart(serial);
}

RvlTickResult Context::tick(const RvlTickInfo& info) {
  if (!std::isfinite(info.budget_us) || info.budget_us < 0)
    invalid("budget_us must be a number of microseconds, 0 or more");
  const std::lock_guard ticking(ticking_);
  std::unique_lock lock(mutex_);
  requireAlive();
  requireMode(RVL_MODE_ASYNC);
  collect(0);
  scheduler_.frame(Clock::now(), info.budget_us);
  RvlTickResult result{};
  result.semaphore = stream_->timeline();
  result.more = scheduler_.hasWork() ? VK_TRUE : VK_FALSE;
  if (!scheduler_.canRecord() || recordings_.full() || info.budget_us == 0) return result;

  const VkCommandBuffer commands = stream_->begin("rivulet tick");
  const Recording* recording = nullptr;
  try {
    recording = &fill(commands, info.budget_us);
  } catch (...) {
    stream_->abandon();
    throw;
  }
  if (recording->dispatches == 0) {
    recordings_.undo();
    stream_->abandon();
    return result;
  }
  const std::uint64_t serial = recording->serial;
  result.dispatches = recording->dispatches;
  result.expected_us = recording->expected + recording->overhead;
  vk::SubmitSync sync;
  sync.wait = info.wait.semaphore;
  sync.waitValue = info.wait.value;
  sync.signal = info.signal.semaphore;
  sync.signalValue = info.signal.value;
  // Without the lock: the host may call the plugin while it holds the queue's own.
  submitting_ = true;
  lock.unlock();
  try {
    result.serial = stream_->submit(sync);
    lock.lock();
    submitting_ = false;
  } catch (...) {
    lock.lock();
    submitting_ = false;
    recordings_.undo();
    restart(serial);
    throw;
  }
  result.submitted = VK_TRUE;
  result.more = scheduler_.hasWork() ? VK_TRUE : VK_FALSE;
  return result;
}

}  // namespace rivulet::plugin
