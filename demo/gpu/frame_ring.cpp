#include "gpu/frame_ring.h"

namespace demo {
namespace {
constexpr std::uint32_t kStamps = 4;
}

FrameRing::FrameRing(const Device& device) : device_(device) {
  const Functions& fn = device_.fn();
  std::uint32_t index = 0;
  for (Frame& frame : frames_) {
    const std::string name = "frame " + std::to_string(index++);
    VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool.queueFamilyIndex = device_.queueFamily();
    check(fn.CreateCommandPool(device_.handle(), &pool, nullptr, &frame.pool), "vkCreateCommandPool");
    device_.name(VK_OBJECT_TYPE_COMMAND_POOL, frame.pool, name);
    VkCommandBufferAllocateInfo buffer{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    buffer.commandPool = frame.pool;
    buffer.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    buffer.commandBufferCount = 1;
    check(fn.AllocateCommandBuffers(device_.handle(), &buffer, &frame.commands), "vkAllocateCommandBuffers");
    device_.name(VK_OBJECT_TYPE_COMMAND_BUFFER, frame.commands, name);
    VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    fence.flags = VK_FENCE_CREATE_SIGNALED_BIT;
    check(fn.CreateFence(device_.handle(), &fence, nullptr, &frame.fence), "vkCreateFence");
    device_.name(VK_OBJECT_TYPE_FENCE, frame.fence, name);
    VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    check(fn.CreateSemaphore(device_.handle(), &semaphore, nullptr, &frame.acquired), "vkCreateSemaphore");
    device_.name(VK_OBJECT_TYPE_SEMAPHORE, frame.acquired, name + ", image acquired");
    if (device_.timestampPeriod() > 0) {
      VkQueryPoolCreateInfo stamps{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
      stamps.queryType = VK_QUERY_TYPE_TIMESTAMP;
      stamps.queryCount = kStamps;
      check(fn.CreateQueryPool(device_.handle(), &stamps, nullptr, &frame.stamps), "vkCreateQueryPool");
      device_.name(VK_OBJECT_TYPE_QUERY_POOL, frame.stamps, name + ", time stamps");
    }
  }
}

FrameRing::~FrameRing() {
  const Functions& fn = device_.fn();
  for (const Frame& frame : frames_) {
    fn.DestroyQueryPool(device_.handle(), frame.stamps, nullptr);
    fn.DestroySemaphore(device_.handle(), frame.acquired, nullptr);
    fn.DestroyFence(device_.handle(), frame.fence, nullptr);
    fn.DestroyCommandPool(device_.handle(), frame.pool, nullptr);
  }
}

Frame& FrameRing::wait() {
  Frame& frame = frames_[next_];
  check(device_.fn().WaitForFences(device_.handle(), 1, &frame.fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  if (frame.used) readStamps(frame);
  frame.used = false;
  return frame;
}

void FrameRing::begin(Frame& frame) {
  const Functions& fn = device_.fn();
  check(fn.ResetCommandPool(device_.handle(), frame.pool, 0), "vkResetCommandPool");
  VkCommandBufferBeginInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(fn.BeginCommandBuffer(frame.commands, &info), "vkBeginCommandBuffer");
  if (frame.stamps) fn.CmdResetQueryPool(frame.commands, frame.stamps, 0, kStamps);
  stamp(frame, Stamp::Begin);
}

void FrameRing::stamp(const Frame& frame, Stamp at) const {
  if (!frame.stamps) return;
  device_.fn().CmdWriteTimestamp2(frame.commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, frame.stamps,
                                  static_cast<std::uint32_t>(at));
}

void FrameRing::readStamps(const Frame& frame) {
  if (!frame.stamps) return;
  std::array<std::uint64_t, kStamps> ticks{};
  const VkResult result = device_.fn().GetQueryPoolResults(device_.handle(), frame.stamps, 0, kStamps, sizeof ticks,
                                                           ticks.data(), sizeof ticks[0], VK_QUERY_RESULT_64_BIT);
  if (result != VK_SUCCESS) return;
  const auto between = [&](Stamp from, Stamp to) {
    const std::uint64_t a = ticks[static_cast<std::size_t>(from)], b = ticks[static_cast<std::size_t>(to)];
    return b > a ? static_cast<double>(b - a) * device_.timestampPeriod() * 1e-6 : 0.0;
  };
  times_ = {between(Stamp::Begin, Stamp::Generated), between(Stamp::Generated, Stamp::Drawn),
            between(Stamp::Drawn, Stamp::End)};
}

void FrameRing::submit(Frame& frame, const std::vector<VkSemaphoreSubmitInfo>& waits,
                       const std::vector<VkSemaphoreSubmitInfo>& signals) {
  const Functions& fn = device_.fn();
  stamp(frame, Stamp::End);
  check(fn.EndCommandBuffer(frame.commands), "vkEndCommandBuffer");
  check(fn.ResetFences(device_.handle(), 1, &frame.fence), "vkResetFences");
  VkCommandBufferSubmitInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO};
  commands.commandBuffer = frame.commands;
  VkSubmitInfo2 info{VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
  info.waitSemaphoreInfoCount = static_cast<std::uint32_t>(waits.size());
  info.pWaitSemaphoreInfos = waits.data();
  info.commandBufferInfoCount = 1;
  info.pCommandBufferInfos = &commands;
  info.signalSemaphoreInfoCount = static_cast<std::uint32_t>(signals.size());
  info.pSignalSemaphoreInfos = signals.data();
  check(fn.QueueSubmit2(device_.queue(), 1, &info, frame.fence), "vkQueueSubmit2");
  frame.used = true;
  next_ = (next_ + 1) % kInFlight;
}

}  // namespace demo
