#include "gpu/one_time.h"

namespace demo {

void runOnce(const Device& device, const std::function<void(VkCommandBuffer)>& record) {
  const Functions& fn = device.fn();
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = device.queueFamily();
  VkCommandPool handle = VK_NULL_HANDLE;
  check(fn.CreateCommandPool(device.handle(), &pool, nullptr, &handle), "vkCreateCommandPool");
  device.name(VK_OBJECT_TYPE_COMMAND_POOL, handle, "one time");
  VkCommandBufferAllocateInfo allocation{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  allocation.commandPool = handle;
  allocation.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  check(fn.AllocateCommandBuffers(device.handle(), &allocation, &commands), "vkAllocateCommandBuffers");
  device.name(VK_OBJECT_TYPE_COMMAND_BUFFER, commands, "one time");
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(fn.BeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
  record(commands);
  check(fn.EndCommandBuffer(commands), "vkEndCommandBuffer");
  VkCommandBufferSubmitInfo buffer{VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO};
  buffer.commandBuffer = commands;
  VkSubmitInfo2 submit{VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
  submit.commandBufferInfoCount = 1;
  submit.pCommandBufferInfos = &buffer;
  check(fn.QueueSubmit2(device.queue(), 1, &submit, VK_NULL_HANDLE), "vkQueueSubmit2");
  device.waitIdle();
  fn.DestroyCommandPool(device.handle(), handle, nullptr);
}

}  // namespace demo
