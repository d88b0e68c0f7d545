#include "support/memory_meter.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

struct State {
  std::mutex mutex;
  std::map<VkDeviceMemory, std::uint64_t> sizes;
  std::uint64_t bytes = 0, peak = 0;
} state;

VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                                        const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  // Held throughout: what is freed at the same time is either counted or not there any more.
  const std::lock_guard lock(state.mutex);
  const auto real = reinterpret_cast<PFN_vkAllocateMemory>(VulkanSpy::real("vkAllocateMemory"));
  const VkResult result = real(device, info, callbacks, memory);
  if (result != VK_SUCCESS) return result;
  state.sizes[*memory] = info->allocationSize;
  state.bytes += info->allocationSize;
  state.peak = std::max(state.peak, state.bytes);
  return result;
}

VKAPI_ATTR void VKAPI_CALL release(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  const std::lock_guard lock(state.mutex);
  reinterpret_cast<PFN_vkFreeMemory>(VulkanSpy::real("vkFreeMemory"))(device, memory, callbacks);
  const auto found = state.sizes.find(memory);
  if (found == state.sizes.end()) return;
  state.bytes -= found->second;
  state.sizes.erase(found);
}

}  // namespace

MemoryMeter::MemoryMeter() {
  {
    const std::lock_guard lock(state.mutex);
    state.sizes.clear();
    state.bytes = state.peak = 0;
  }
  VulkanSpy::replace("vkAllocateMemory", reinterpret_cast<PFN_vkVoidFunction>(&allocate));
  VulkanSpy::replace("vkFreeMemory", reinterpret_cast<PFN_vkVoidFunction>(&release));
}

MemoryMeter::~MemoryMeter() {
  VulkanSpy::reset();
}

std::uint64_t MemoryMeter::bytes() const {
  const std::lock_guard lock(state.mutex);
  return state.bytes;
}

std::uint64_t MemoryMeter::allocations() const {
  const std::lock_guard lock(state.mutex);
  return state.sizes.size();
}

std::uint64_t MemoryMeter::peak() const {
  const std::lock_guard lock(state.mutex);
  return state.peak;
}

void MemoryMeter::restart() {
  const std::lock_guard lock(state.mutex);
  state.peak = state.bytes;
}

}  // namespace rivulet::test
