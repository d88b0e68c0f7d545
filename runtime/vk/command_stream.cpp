#include "vk/command_stream.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "vk/label.h"

namespace rivulet::vk {

namespace {

/// Staging is at most this large; longer copies go in pieces.
constexpr std::uint64_t kStagingBytes = 16u << 20;

constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

/// What ran before on the queue, against what runs after it and what the host reads then.
void fullBarrier(const DeviceFunctions& fn, VkCommandBuffer commands) {
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = barrier.srcAccessMask | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                          VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT;
  fn.CmdPipelineBarrier(commands, kStages, kStages | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, nullptr, 0,
                        nullptr);
}

void requireRange(const Buffer& buffer, std::uint64_t offset, std::uint64_t bytes, const char* what) {
  if (offset <= buffer.size() && bytes <= buffer.size() - offset) return;
  throw Error(ErrorCode::InvalidArgument, std::string(what) + " of " + std::to_string(bytes) + " bytes at " +
                                              std::to_string(offset) + " does not fit a buffer of " +
                                              std::to_string(buffer.size()));
}

}  // namespace

CommandStream::CommandStream(std::shared_ptr<Device> device) : device_(std::move(device)) {
  if (!device_->caps().timelineSemaphore) return;
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  semaphore.pNext = &type;
  check(device_->fn().CreateSemaphore(device_->handle(), &semaphore, nullptr, &timeline_),
        "vkCreateSemaphore(command stream)");
  device_->setName(VK_OBJECT_TYPE_SEMAPHORE, timeline_, "rivulet command stream");
}

CommandStream::~CommandStream() {
  const DeviceFunctions& fn = device_->fn();
  try {
    waitIdle();
  } catch (const std::exception& error) {  // a lost device runs nothing any more: everything may go
    log(LogLevel::Warning, std::string("while closing a command stream: ") + error.what());
  }
  retire_.drain();
  if (recording_.commands) abandon();
  free_.insert(free_.end(), inFlight_.begin(), inFlight_.end());
  for (const Submission& submission : free_) discard(submission);
  if (timeline_) fn.DestroySemaphore(device_->handle(), timeline_, nullptr);
}

CommandStream::Submission CommandStream::makeSubmission() const {
  const DeviceFunctions& fn = device_->fn();
  Submission fresh;
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = device_->queueFamily();
  check(fn.CreateCommandPool(device_->handle(), &pool, nullptr, &fresh.pool), "vkCreateCommandPool(command stream)");
  VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  info.commandPool = fresh.pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  const VkResult result = fn.AllocateCommandBuffers(device_->handle(), &info, &fresh.commands);
  if (result != VK_SUCCESS) fn.DestroyCommandPool(device_->handle(), fresh.pool, nullptr);
  check(result, "vkAllocateCommandBuffers");
  return fresh;
}

VkCommandBuffer CommandStream::begin(const char* label) {
  if (recording_.commands)
    throw Error(ErrorCode::Internal, std::string("CommandStream::begin(") + label + "): another one is being recorded");
  const DeviceFunctions& fn = device_->fn();
  completed();
  if (free_.empty()) free_.push_back(makeSubmission());
  Submission& next = free_.front();
  check(fn.ResetCommandPool(device_->handle(), next.pool, 0), "vkResetCommandPool");
  if (!timeline_) {
    VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    check(next.fence ? fn.ResetFences(device_->handle(), 1, &next.fence)
                     : fn.CreateFence(device_->handle(), &info, nullptr, &next.fence),
          "vkCreateFence(command stream)");
  }
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(fn.BeginCommandBuffer(next.commands, &info), "vkBeginCommandBuffer");
  recording_ = next;
  free_.pop_front();
  device_->setName(VK_OBJECT_TYPE_COMMAND_BUFFER, recording_.commands, label);
  Label::begin(*device_, recording_.commands, label);
  return recording_.commands;
}

std::uint64_t CommandStream::submit(const SubmitSync& sync) {
  if (!recording_.commands) throw Error(ErrorCode::Internal, "CommandStream::submit(): nothing is being recorded");
  Submission submission = std::exchange(recording_, {});
  submission.serial = lastSerial_ + 1;
  try {
    Label::end(*device_, submission.commands);
    check(device_->fn().EndCommandBuffer(submission.commands), "vkEndCommandBuffer");
    // Ours first where there is one, then the caller's.
    VkSemaphore signals[2] = {};
    std::uint64_t signalValues[2] = {};
    std::uint32_t signalCount = 0;
    const auto signal = [&](VkSemaphore semaphore, std::uint64_t value) {
      if (!semaphore) return;
      signals[signalCount] = semaphore;
      signalValues[signalCount++] = value;
    };
    signal(timeline_, submission.serial);
    signal(sync.signal, sync.signalValue);
    VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
    values.waitSemaphoreValueCount = sync.wait ? 1 : 0;
    values.pWaitSemaphoreValues = &sync.waitValue;
    values.signalSemaphoreValueCount = signalCount;
    values.pSignalSemaphoreValues = signalValues;
    VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    if (device_->caps().timelineSemaphore) info.pNext = &values;
    info.commandBufferCount = 1;
    info.pCommandBuffers = &submission.commands;
    info.waitSemaphoreCount = sync.wait ? 1 : 0;
    info.pWaitSemaphores = sync.wait ? &sync.wait : nullptr;
    info.pWaitDstStageMask = &kStages;
    info.signalSemaphoreCount = signalCount;
    info.pSignalSemaphores = signalCount != 0 ? signals : nullptr;
    device_->submit(info, submission.fence);
  } catch (...) {
    discard(submission);
    throw;
  }
  inFlight_.push_back(submission);
  return lastSerial_ = submission.serial;
}

void CommandStream::abandon() {
  if (!recording_.commands) return;
  discard(std::exchange(recording_, {}));
}

/// Recording, or in whatever state a call that failed has left it: its pool going is right in all of them, and cannot
/// fail.
void CommandStream::discard(const Submission& submission) {
  const DeviceFunctions& fn = device_->fn();
  fn.DestroyCommandPool(device_->handle(), submission.pool, nullptr);  // and its command buffer
  if (submission.fence) fn.DestroyFence(device_->handle(), submission.fence, nullptr);
}

void CommandStream::finished(std::uint64_t serial) {
  completed_ = std::max(completed_, serial);
  while (!inFlight_.empty() && inFlight_.front().serial <= completed_) {
    free_.push_back(inFlight_.front());
    inFlight_.pop_front();
  }
  retire_.collect(completed_);
}

std::uint64_t CommandStream::completed() {
  const DeviceFunctions& fn = device_->fn();
  std::uint64_t serial = completed_;
  if (timeline_) {
    if (!inFlight_.empty())
      check(fn.GetSemaphoreCounterValue(device_->handle(), timeline_, &serial), "vkGetSemaphoreCounterValue");
  } else {  // fences of one queue are signalled in the order of submission
    for (const Submission& submission : inFlight_) {
      const VkResult status = fn.GetFenceStatus(device_->handle(), submission.fence);
      check(status, "vkGetFenceStatus");
      if (status != VK_SUCCESS) break;
      serial = submission.serial;
    }
  }
  finished(serial);
  return completed_;
}

void CommandStream::wait(std::uint64_t serial) {
  if (serial > lastSerial_)
    throw Error(ErrorCode::Internal, "CommandStream::wait(" + std::to_string(serial) + "): only " +
                                         std::to_string(lastSerial_) + " have been submitted");
  const DeviceFunctions& fn = device_->fn();
  if (serial > completed_) {
    if (timeline_) {
      VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
      info.semaphoreCount = 1;
      info.pSemaphores = &timeline_;
      info.pValues = &serial;
      check(fn.WaitSemaphores(device_->handle(), &info, UINT64_MAX), "vkWaitSemaphores");
    } else {
      const auto submission =
          std::find_if(inFlight_.begin(), inFlight_.end(), [&](const Submission& s) { return s.serial == serial; });
      check(fn.WaitForFences(device_->handle(), 1, &submission->fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
    }
  }
  finished(serial);
}

void CommandStream::waitIdle() {
  wait(lastSerial_);
}

void CommandStream::copyThrough(const char* label, VkBuffer from, std::uint64_t fromOffset, VkBuffer to,
                                std::uint64_t toOffset, std::uint64_t bytes) {
  const VkCommandBuffer commands = begin(label);
  fullBarrier(device_->fn(), commands);
  const VkBufferCopy region{fromOffset, toOffset, bytes};
  device_->fn().CmdCopyBuffer(commands, from, to, 1, &region);
  fullBarrier(device_->fn(), commands);
  wait(submit());
}

void CommandStream::upload(const Buffer& destination, std::uint64_t offset, std::span<const std::byte> bytes) {
  requireRange(destination, offset, bytes.size(), "upload");
  if (bytes.empty()) return;
  const std::uint64_t piece = std::min<std::uint64_t>(bytes.size(), kStagingBytes);
  if (upload_.size() < piece) upload_ = Buffer(device_, BufferUse::Upload, piece, "upload staging");
  for (std::uint64_t done = 0; done < bytes.size(); done += piece) {
    const std::uint64_t count = std::min<std::uint64_t>(piece, bytes.size() - done);
    std::memcpy(upload_.mapped().data(), bytes.data() + done, count);
    upload_.flush();
    copyThrough("upload", upload_.handle(), 0, destination.handle(), offset + done, count);
  }
}

void CommandStream::download(const Buffer& source, std::uint64_t offset, std::span<std::byte> bytes) {
  requireRange(source, offset, bytes.size(), "download");
  if (bytes.empty()) return;
  const std::uint64_t piece = std::min<std::uint64_t>(bytes.size(), kStagingBytes);
  if (readback_.size() < piece) readback_ = Buffer(device_, BufferUse::Readback, piece, "readback staging");
  for (std::uint64_t done = 0; done < bytes.size(); done += piece) {
    const std::uint64_t count = std::min<std::uint64_t>(piece, bytes.size() - done);
    copyThrough("download", source.handle(), offset + done, readback_.handle(), 0, count);
    readback_.invalidate();
    std::memcpy(bytes.data() + done, readback_.mapped().data(), count);
  }
}

}  // namespace rivulet::vk
