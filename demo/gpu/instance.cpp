#include "gpu/instance.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace demo {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

VkBool32 VKAPI_CALL printMessage(VkDebugUtilsMessageSeverityFlagBitsEXT /*severity*/,
                                 VkDebugUtilsMessageTypeFlagsEXT /*types*/,
                                 const VkDebugUtilsMessengerCallbackDataEXT* data, void* count) {
  ++*static_cast<std::atomic<unsigned>*>(count);
  std::fprintf(stderr, "validation: %s\n", data->pMessage);
  return VK_FALSE;
}

bool hasLayer(const Functions& fn, const char* name) {
  std::uint32_t count = 0;
  check(fn.EnumerateInstanceLayerProperties(&count, nullptr), "vkEnumerateInstanceLayerProperties");
  std::vector<VkLayerProperties> layers(count);
  check(fn.EnumerateInstanceLayerProperties(&count, layers.data()), "vkEnumerateInstanceLayerProperties");
  return std::any_of(layers.begin(), layers.end(),
                     [&](const VkLayerProperties& layer) { return std::strcmp(layer.layerName, name) == 0; });
}

bool hasExtension(const Functions& fn, const char* name) {
  std::uint32_t count = 0;
  check(fn.EnumerateInstanceExtensionProperties(nullptr, &count, nullptr), "vkEnumerateInstanceExtensionProperties");
  std::vector<VkExtensionProperties> extensions(count);
  check(fn.EnumerateInstanceExtensionProperties(nullptr, &count, extensions.data()),
        "vkEnumerateInstanceExtensionProperties");
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& extension) {
    return std::strcmp(extension.extensionName, name) == 0;
  });
}

int rank(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 3;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

Instance::Instance(const std::vector<const char*>& extensions, bool validation) {
  fn_.loadGlobal();
  try {
    create(extensions, validation);
  } catch (...) {
    if (handle_) fn_.DestroyInstance(handle_, nullptr);
    throw;
  }
}

void Instance::create(const std::vector<const char*>& extensions, bool validation) {
  std::vector<const char*> enabled = extensions;
  std::vector<const char*> layers;
  if (validation) {
    if (!hasLayer(fn_, kValidationLayer)) {
      throw std::runtime_error(std::string("--validation: ") + kValidationLayer +
                               " is not installed (Debian: vulkan-validationlayers)");
    }
    layers.push_back(kValidationLayer);
    enabled.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  }
  // Names and labels are for frame debuggers as much as for the validation layer.
  debugUtils_ = validation || hasExtension(fn_, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (debugUtils_) enabled.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);

  VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messenger.pfnUserCallback = printMessage;
  messenger.pUserData = &messages_;
  const VkValidationFeatureEnableEXT synchronization = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  features.pNext = &messenger;  // for what vkCreateInstance and vkDestroyInstance themselves have to say
  features.enabledValidationFeatureCount = 1;
  features.pEnabledValidationFeatures = &synchronization;

  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "rivulet-demo";
  application.apiVersion = kApiVersion;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pNext = validation ? &features : nullptr;
  info.pApplicationInfo = &application;
  info.enabledLayerCount = static_cast<std::uint32_t>(layers.size());
  info.ppEnabledLayerNames = layers.data();
  info.enabledExtensionCount = static_cast<std::uint32_t>(enabled.size());
  info.ppEnabledExtensionNames = enabled.data();
  const VkResult result = fn_.CreateInstance(&info, nullptr, &handle_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    throw std::runtime_error("no Vulkan driver is installed (Debian: mesa-vulkan-drivers)");
  }
  check(result, "vkCreateInstance");
  fn_.loadInstance(handle_);
  if (validation) {
    check(fn_.CreateDebugUtilsMessengerEXT(handle_, &messenger, nullptr, &messenger_),
          "vkCreateDebugUtilsMessengerEXT");
  }
}

Instance::~Instance() {
  if (messenger_) fn_.DestroyDebugUtilsMessengerEXT(handle_, messenger_, nullptr);
  fn_.DestroyInstance(handle_, nullptr);
}

bool Instance::runsDemo(VkPhysicalDevice device, std::uint32_t apiVersion) const {
  if (apiVersion >= VK_API_VERSION_1_3) return true;
  if (apiVersion < VK_API_VERSION_1_2) return false;
  std::uint32_t count = 0;
  check(fn_.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> extensions(count);
  check(fn_.EnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data()),
        "vkEnumerateDeviceExtensionProperties");
  return std::all_of(std::begin(kExtensionsBefore13), std::end(kExtensionsBefore13), [&](const char* name) {
    return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& extension) {
      return std::strcmp(extension.extensionName, name) == 0;
    });
  });
}

VkPhysicalDevice Instance::choose(const std::string& wanted) const {
  std::uint32_t count = 0;
  check(fn_.EnumeratePhysicalDevices(handle_, &count, nullptr), "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> devices(count);
  check(fn_.EnumeratePhysicalDevices(handle_, &count, devices.data()), "vkEnumeratePhysicalDevices");
  if (devices.empty()) {
    throw std::runtime_error(
        "there is no Vulkan device. Install a driver; without a GPU, Mesa's software one (Debian: "
        "mesa-vulkan-drivers).");
  }
  VkPhysicalDevice best = VK_NULL_HANDLE;
  int bestRank = -1;
  std::string names;
  for (const VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties properties;
    fn_.GetPhysicalDeviceProperties(device, &properties);
    names += std::string("\n  ") + properties.deviceName;
    const bool fits = std::string(properties.deviceName).find(wanted) != std::string::npos;
    if (!runsDemo(device, properties.apiVersion)) {
      names += " (too old: its driver has neither Vulkan 1.3 nor synchronization2 and dynamic rendering)";
    } else if (fits && rank(properties.deviceType) > bestRank) {
      best = device;
      bestRank = rank(properties.deviceType);
    }
  }
  if (!best) {
    throw std::runtime_error((wanted.empty() ? "no device runs the demo, which needs Vulkan 1.3. There are:"
                                             : "--device: no usable device is called " + wanted + ". There are:") +
                             names);
  }
  return best;
}

}  // namespace demo
