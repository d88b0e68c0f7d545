#include "gpu/device.h"

#include <iterator>
#include <stdexcept>

#include "gpu/renderdoc.h"

namespace demo {

Device::Device(const Instance& instance, VkPhysicalDevice physical, VkSurfaceKHR surface, const rivulet::Plugin& plugin)
    : instance_(instance), fn_(instance.fn()), physical_(physical) {
  fn_.GetPhysicalDeviceProperties(physical_, &properties_);
  try {
    create(surface, plugin);
  } catch (...) {
    if (handle_) fn_.DestroyDevice(handle_, nullptr);
    throw;
  }
}

void Device::create(VkSurfaceKHR surface, const rivulet::Plugin& plugin) {
  std::uint32_t count = 0;
  fn_.GetPhysicalDeviceQueueFamilyProperties(physical_, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  fn_.GetPhysicalDeviceQueueFamilyProperties(physical_, &count, families.data());
  for (family_ = 0; family_ < count; ++family_) {
    constexpr VkQueueFlags kBoth = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    VkBool32 presents = VK_TRUE;
    if (surface) {
      check(fn_.GetPhysicalDeviceSurfaceSupportKHR(physical_, family_, surface, &presents),
            "vkGetPhysicalDeviceSurfaceSupportKHR");
    }
    if ((families[family_].queueFlags & kBoth) == kBoth && presents) break;
  }
  if (family_ == count) {
    throw std::runtime_error(std::string(properties_.deviceName) +
                             " has no queue that draws, computes and presents to this window; try --headless");
  }
  if (families[family_].timestampValidBits != 0)
    timestampPeriod_ = static_cast<double>(properties_.limits.timestampPeriod);

  // What Rivulet can use of this device: all of it is enabled.
  auto ask = rivulet::make<RvlRequirementsInfo>();
  ask.get_instance_proc_addr = fn_.GetInstanceProcAddr;
  ask.instance = instance_.handle();
  ask.physical_device = physical_;
  ask.api_version = Instance::kApiVersion;
  auto offer = rivulet::make<RvlRequirements>();
  plugin.check(plugin->queryRequirements(&ask, &offer));
  offer.features.debug_utils = instance_.debugUtils();  // of the instance, which only its maker knows
  // RenderDoc passes the feature on, and then refuses devices that enable it unless their addresses can be replayed.
  if (RenderDoc::loaded() && !replaysAddresses()) offer.features.buffer_device_address = VK_FALSE;
  features_ = offer.features;
  byteFeatures_ = offer.byte_features;
  auto chain = rivulet::make<RvlFeatureChain2>();
  plugin.check(plugin->fillFeatureChain2(&offer, &chain));
  std::vector<const char*> extensions(offer.device_extensions, offer.device_extensions + offer.device_extension_count);
  if (surface) extensions.push_back(VK_KHR_SWAPCHAIN_EXTENSION_NAME);
  if (before13()) {
    extensions.insert(extensions.end(), std::begin(Instance::kExtensionsBefore13),
                      std::end(Instance::kExtensionsBefore13));
  }

  // And what the demo itself needs, before it in the chain; Vulkan 1.3 promises both, and so do the extensions.
  VkPhysicalDeviceSynchronization2Features synchronization{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES};
  synchronization.pNext = const_cast<void*>(chain.head);
  synchronization.synchronization2 = VK_TRUE;
  VkPhysicalDeviceDynamicRenderingFeatures rendering{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES};
  rendering.pNext = &synchronization;
  rendering.dynamicRendering = VK_TRUE;

  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &rendering;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(fn_.CreateDevice(physical_, &info, nullptr, &handle_), "vkCreateDevice");
  fn_.loadDevice(handle_, before13());
  fn_.GetDeviceQueue(handle_, family_, 0, &queue_);
  name(VK_OBJECT_TYPE_QUEUE, queue_, "the demo's queue");

  VmaVulkanFunctions functions{};
  functions.vkGetInstanceProcAddr = fn_.GetInstanceProcAddr;
  functions.vkGetDeviceProcAddr = fn_.GetDeviceProcAddr;
  VmaAllocatorCreateInfo allocator{};
  allocator.instance = instance_.handle();
  allocator.physicalDevice = physical_;
  allocator.device = handle_;
  allocator.vulkanApiVersion = apiVersion();
  allocator.pVulkanFunctions = &functions;
  check(vmaCreateAllocator(&allocator, &allocator_), "vmaCreateAllocator");
}

bool Device::replaysAddresses() const {
  VkPhysicalDeviceBufferDeviceAddressFeatures address{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES};
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &address, {}};
  fn_.GetPhysicalDeviceFeatures2(physical_, &features);
  return address.bufferDeviceAddressCaptureReplay == VK_TRUE;
}

Device::~Device() {
  vmaDestroyAllocator(allocator_);
  fn_.DestroyDevice(handle_, nullptr);
}

void Device::setName(VkObjectType type, std::uint64_t handle, const std::string& text) const {
  if (!fn_.SetDebugUtilsObjectNameEXT) return;
  VkDebugUtilsObjectNameInfoEXT info{VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT};
  info.objectType = type;
  info.objectHandle = handle;
  info.pObjectName = text.c_str();
  fn_.SetDebugUtilsObjectNameEXT(handle_, &info);
}

Label::Label(const Device& device, VkCommandBuffer commands, const char* text) : device_(device), commands_(commands) {
  if (!device_.fn().CmdBeginDebugUtilsLabelEXT) return;
  VkDebugUtilsLabelEXT label{VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT};
  label.pLabelName = text;
  device_.fn().CmdBeginDebugUtilsLabelEXT(commands_, &label);
}

Label::~Label() {
  if (device_.fn().CmdEndDebugUtilsLabelEXT) device_.fn().CmdEndDebugUtilsLabelEXT(commands_);
}

}  // namespace demo
