#pragma once
// What Rivulet needs of a device and what it can use: a host asks before vkCreateDevice, and Rivulet's own device is
// made from the same answer.

#include <cstdint>
#include <memory>
#include <vector>

#include "vk/device_caps.h"

namespace rivulet::vk {

/// Required: a Vulkan 1.1 instance and device, and one queue with VK_QUEUE_COMPUTE_BIT. Everything else is optional and
/// has a fallback (device_caps.h). Strings are static.
struct DeviceRequirements {
  std::uint32_t minimumApiVersion = VK_API_VERSION_1_1;
  std::vector<const char*> requiredDeviceExtensions;  // must be enabled; none at present
  std::vector<const char*>
      optionalDeviceExtensions;  // present on this device and useful; enable with the features below
  std::vector<const char*> optionalInstanceExtensions;  // useful when the instance has them: debug names and labels
  EnabledFeatures
      features;  // useful features that this device has; pass on in ImportDeviceInfo what was enabled of them
};

/// Pure query. `apiVersion` is what the instance was created with: it decides whether a feature is core or an
/// extension. Errors: MissingFeature if the device cannot run Rivulet at all. Thread-safety: any thread.
DeviceRequirements deviceRequirements(const InstanceFunctions& functions, VkPhysicalDevice device,
                                      std::uint32_t apiVersion);

/// The chain for VkDeviceCreateInfo::pNext that enables `features`. A host that already chains
/// VkPhysicalDeviceVulkan1xFeatures sets the members of the same names there instead. Owns the structures: keep it
/// alive during vkCreateDevice.
class FeatureChain {
 public:
  explicit FeatureChain(const EnabledFeatures& features);
  ~FeatureChain();
  /// Null when there is nothing to enable.
  const void* head() const { return head_; }

 private:
  struct Structures;
  std::unique_ptr<Structures> structures_;
  void* head_ = nullptr;
};

}  // namespace rivulet::vk
