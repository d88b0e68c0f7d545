#include "support/host_device.h"

#include <algorithm>
#include <string_view>

#include "vk/loader.h"
#include "vk/requirements.h"

namespace rivulet::test {
namespace {

/// Advice of the best-practices check that does not fit.
constexpr std::string_view kAccepted[] = {
    "SpirvDeprecated_WorkgroupSize",  // its successor needs a later SPIR-V than Vulkan 1.1 takes
    "specialuse-extension",           // debug names and labels are for debugging
    "small-allocation",               // what is left when larger blocks were made to fail, or go over a limit
    "small-dedicated-allocation",
    "BestPractices-Error-Result",   // "no" is an answer: formats are asked for
    "BestPractices-PushConstants",  // all kernels share one range; each is given what it reads of it
};

}  // namespace

VKAPI_ATTR VkBool32 VKAPI_CALL HostDevice::onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                     VkDebugUtilsMessageTypeFlagsEXT,
                                                     const VkDebugUtilsMessengerCallbackDataEXT* data, void* log) {
  const std::string_view id = data->pMessageIdName ? data->pMessageIdName : "";
  const bool accepted = std::any_of(std::begin(kAccepted), std::end(kAccepted),
                                    [&](std::string_view part) { return id.find(part) != std::string_view::npos; });
  if (!accepted) static_cast<MessageLog*>(log)->add(data->pMessage);
  return VK_FALSE;
}

HostDevice::HostDevice(const HostOptions& options) {
  info_.getInstanceProcAddr = options.getInstanceProcAddr ? options.getInstanceProcAddr : vk::openLoader();
  info_.apiVersion = options.apiVersion;
  const vk::GlobalFunctions global = vk::GlobalFunctions::load(info_.getInstanceProcAddr);
  const bool validation = options.validation && validationInstalled();

  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.apiVersion = options.apiVersion;
  const char* layer = "VK_LAYER_KHRONOS_validation";
  std::vector<const char*> extensions;
  if (options.everything || validation) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (validation) extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  VkInstanceCreateInfo instance{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  instance.pApplicationInfo = &application;
  instance.enabledLayerCount = validation ? 1 : 0;
  instance.ppEnabledLayerNames = &layer;
  instance.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  instance.ppEnabledExtensionNames = extensions.data();
  constexpr VkValidationFeatureEnableEXT kEnables[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
                                                       VK_VALIDATION_FEATURE_ENABLE_BEST_PRACTICES_EXT};
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, nullptr, 2, kEnables, 0, nullptr};
  if (validation) instance.pNext = &features;
  vk::check(global.CreateInstance(&instance, nullptr, &info_.instance), "the host's vkCreateInstance");
  instanceFn_ = vk::InstanceFunctions::load(info_.getInstanceProcAddr, info_.instance);
  if (validation) {
    VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
    messenger.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    messenger.messageType =
        VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
    messenger.pfnUserCallback = onMessage;
    messenger.pUserData = &messages_;
    vk::check(instanceFn_.CreateDebugUtilsMessengerEXT(info_.instance, &messenger, nullptr, &messenger_),
              "the host's vkCreateDebugUtilsMessengerEXT");
  }

  std::uint32_t count = 1;
  instanceFn_.EnumeratePhysicalDevices(info_.instance, &count, &info_.physicalDevice);
  instanceFn_.GetPhysicalDeviceQueueFamilyProperties(info_.physicalDevice, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  instanceFn_.GetPhysicalDeviceQueueFamilyProperties(info_.physicalDevice, &count, families.data());
  while ((families[info_.queueFamily].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0) ++info_.queueFamily;

  vk::DeviceRequirements requirements;
  if (options.everything) {
    requirements = vk::deviceRequirements(instanceFn_, info_.physicalDevice, options.apiVersion);
    info_.enabled = requirements.features;
    info_.enabled.debugUtils = true;
  }
  const vk::FeatureChain chain(info_.enabled);
  const float priority = 1.0f;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = info_.queueFamily;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo device{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  device.pNext = chain.head();
  device.queueCreateInfoCount = 1;
  device.pQueueCreateInfos = &queue;
  device.enabledExtensionCount = static_cast<std::uint32_t>(requirements.optionalDeviceExtensions.size());
  device.ppEnabledExtensionNames = requirements.optionalDeviceExtensions.data();
  vk::check(instanceFn_.CreateDevice(info_.physicalDevice, &device, nullptr, &info_.device),
            "the host's vkCreateDevice");
  fn_ = vk::DeviceFunctions::load(instanceFn_, info_.device, options.apiVersion);
  fn_.GetDeviceQueue(info_.device, info_.queueFamily, 0, &queue_);
}

HostDevice::~HostDevice() {
  if (info_.device) fn_.DestroyDevice(info_.device, nullptr);
  if (messenger_) instanceFn_.DestroyDebugUtilsMessengerEXT(info_.instance, messenger_, nullptr);
  if (info_.instance) instanceFn_.DestroyInstance(info_.instance, nullptr);
  for (std::string& message : messages_.take()) sharedMessages().add(std::move(message));
}

}  // namespace rivulet::test
