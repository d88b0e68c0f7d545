#include "support/memory_meter.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

struct MeterState {
  std::mutex mutex;
  std::map<VkDeviceMemory, std::uint64_t> sizes;
  std::uint64_t bytes = 0, peak = 0;
} meter;

VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                                        const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  // Held throughout: what is freed at the same time is either counted or not there any more.
  const std::lock_guard lock(meter.mutex);
  const auto real = reinterpret_cast<PFN_vkAllocateMemory>(VulkanSpy::real("vkAllocateMemory"));
  const VkResult result = real(device, info, callbacks, memory);
  if (result != VK_SUCCESS) return result;
  meter.sizes[*memory] = info->allocationSize;
  meter.bytes += info->allocationSize;
  meter.peak = std::max(meter.peak, meter.bytes);
  return result;
}

VKAPI_ATTR void VKAPI_CALL release(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  const std::lock_guard lock(meter.mutex);
  reinterpret_cast<PFN_vkFreeMemory>(VulkanSpy::real("vkFreeMemory"))(device, memory, callbacks);
  const auto found = meter.sizes.find(memory);
  if (found == meter.sizes.end()) return;
  meter.bytes -= found->second;
  meter.sizes.erase(found);
}

}  // namespace

MemoryMeter::MemoryMeter() {
  {
    const std::lock_guard lock(meter.mutex);
    meter.sizes.clear();
    meter.bytes = meter.peak = 0;
  }
  VulkanSpy::replace("vkAllocateMemory", reinterpret_cast<PFN_vkVoidFunction>(&allocate));
  VulkanSpy::replace("vkFreeMemory", reinterpret_cast<PFN_vkVoidFunction>(&release));
}

MemoryMeter::~MemoryMeter() {
  VulkanSpy::reset();
}

std::uint64_t MemoryMeter::bytes() const {
  const std::lock_guard lock(meter.mutex);
  return meter.bytes;
}

std::uint64_t MemoryMeter::allocations() const {
  const std::lock_guard lock(meter.mutex);
  return meter.sizes.size();
}

std::uint64_t MemoryMeter::peak() const {
  const std::lock_guard lock(meter.mutex);
  return meter.peak;
}

void MemoryMeter::restart() {
  const std::lock_guard lock(meter.mutex);
  meter.peak = meter.bytes;
}

}  // namespace rivulet::test
