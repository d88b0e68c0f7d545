#pragma once
// Making an instance of our own and choosing an adapter. Private to runtime/vk: device.h is what others include.

#include <optional>
#include <string>
#include <vector>

#include "vk/device.h"

namespace rivulet::vk {

struct OwnInstance {
  VkInstance handle = VK_NULL_HANDLE;
  std::uint32_t apiVersion = 0;
  bool debugUtils = false;
};

/// `messenger` is chained where validation is on, so that messages from creating and destroying the instance arrive
/// too. Errors: MissingFeature (no driver, Vulkan 1.0 only, no validation layer).
OwnInstance createInstance(PFN_vkGetInstanceProcAddr getInstanceProcAddr, bool validation,
                           const VkDebugUtilsMessengerCreateInfoEXT* messenger);

struct Adapter {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  std::uint32_t queueFamily = 0;
  DeviceListing listing;
};

/// All adapters in the driver's order.
std::vector<Adapter> adapters(const InstanceFunctions& functions, VkInstance instance);

/// The one that `select` means (CreateDeviceInfo). Errors: MissingFeature, InvalidArgument.
const Adapter& chooseAdapter(const std::vector<Adapter>& adapters, const std::string& select);

}  // namespace rivulet::vk
