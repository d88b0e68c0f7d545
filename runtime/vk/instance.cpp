#include "vk/instance.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "core/error.h"
#include "vk/loader.h"

namespace rivulet::vk {

namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";
constexpr const char* kDriverAdvice =
    "install the graphics card's driver, or a software driver (Debian and Ubuntu: mesa-vulkan-drivers)";

using ExtensionList = std::vector<VkExtensionProperties>;

ExtensionList instanceExtensions(const GlobalFunctions& functions, const char* layer) {
  std::uint32_t count = 0;
  check(functions.EnumerateInstanceExtensionProperties(layer, &count, nullptr),
        "vkEnumerateInstanceExtensionProperties");
  ExtensionList list(count);
  check(functions.EnumerateInstanceExtensionProperties(layer, &count, list.data()),
        "vkEnumerateInstanceExtensionProperties");
  list.resize(count);
  return list;
}

bool contains(const ExtensionList& list, const char* name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

bool layerInstalled(const GlobalFunctions& functions) {
  std::uint32_t count = 0;
  check(functions.EnumerateInstanceLayerProperties(&count, nullptr), "vkEnumerateInstanceLayerProperties");
  std::vector<VkLayerProperties> list(count);
  check(functions.EnumerateInstanceLayerProperties(&count, list.data()), "vkEnumerateInstanceLayerProperties");
  list.resize(count);
  return std::any_of(list.begin(), list.end(),
                     [](const VkLayerProperties& l) { return std::strcmp(l.layerName, kValidationLayer) == 0; });
}

int rank(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 3;
    default:
      return 4;
  }
}

std::string lowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The queue family to compute on: one with timestamps where there is one, the first otherwise.
std::optional<std::uint32_t> computeFamily(const InstanceFunctions& functions, VkPhysicalDevice device) {
  std::uint32_t count = 0;
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  std::optional<std::uint32_t> first;
  for (std::uint32_t i = 0; i < count; ++i) {
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0 || families[i].queueCount == 0) continue;
    if (families[i].timestampValidBits != 0) return i;
    if (!first) first = i;
  }
  return first;
}

}  // namespace

OwnInstance createInstance(PFN_vkGetInstanceProcAddr getInstanceProcAddr, bool validation,
                           const VkDebugUtilsMessengerCreateInfoEXT* messenger) {
  const GlobalFunctions functions = GlobalFunctions::load(getInstanceProcAddr);
  std::uint32_t available = VK_API_VERSION_1_0;
  if (functions.EnumerateInstanceVersion)
    check(functions.EnumerateInstanceVersion(&available), "vkEnumerateInstanceVersion");
  if (available < VK_API_VERSION_1_1)
    throw Error(ErrorCode::MissingFeature, "the Vulkan loader knows Vulkan 1.0 only; Rivulet needs 1.1: update it");

  OwnInstance result;
  result.apiVersion = std::min<std::uint32_t>(available, VK_API_VERSION_1_3);  // nothing newer is used
  const VkApplicationInfo application{
      VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "Rivulet", 0, "Rivulet", 0, result.apiVersion};
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;

  ExtensionList present = instanceExtensions(functions, nullptr);
  std::vector<const char*> extensions;

  // Synchronization validation, in the way that the installed layer understands: settings since 2024, features before.
  const VkBool32 on = VK_TRUE;
  const VkLayerSettingEXT setting{kValidationLayer, "validate_sync", VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &on};
  VkLayerSettingsCreateInfoEXT settings{VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT, nullptr, 1, &setting};
  const VkValidationFeatureEnableEXT enable = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT features{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, nullptr, 1, &enable, 0, nullptr};
  VkDebugUtilsMessengerCreateInfoEXT firstMessenger{};
  if (validation) {
    if (!layerInstalled(functions))
      throw Error(ErrorCode::MissingFeature,
                  std::string("validation was asked for, but the layer ") + kValidationLayer +
                      " is not installed (Debian and Ubuntu: vulkan-validationlayers, or the Vulkan SDK)");
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
    const ExtensionList ofLayer = instanceExtensions(functions, kValidationLayer);
    if (contains(ofLayer, VK_EXT_LAYER_SETTINGS_EXTENSION_NAME)) {
      extensions.push_back(VK_EXT_LAYER_SETTINGS_EXTENSION_NAME);
      info.pNext = &settings;
    } else if (contains(ofLayer, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME)) {
      extensions.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
      info.pNext = &features;
    }
    present.insert(present.end(), ofLayer.begin(), ofLayer.end());
  }
  if (contains(present, VK_EXT_DEBUG_UTILS_EXTENSION_NAME)) {
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    result.debugUtils = true;
    if (validation && messenger) {
      firstMessenger = *messenger;
      firstMessenger.pNext = info.pNext;
      info.pNext = &firstMessenger;
    }
  }
  if (contains(present, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {  // MoltenVK
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();

  const VkResult created = functions.CreateInstance(&info, nullptr, &result.handle);
  if (created == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Error(ErrorCode::MissingFeature, std::string("no Vulkan driver: ") + kDriverAdvice);
  check(created, "vkCreateInstance");
  return result;
}

std::vector<Adapter> adapters(const InstanceFunctions& functions, VkInstance instance) {
  std::uint32_t count = 0;
  const VkResult counted = functions.EnumeratePhysicalDevices(instance, &count, nullptr);
  if (counted == VK_ERROR_INITIALIZATION_FAILED) return {};  // what some loaders answer when no driver starts
  check(counted, "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> handles(count);
  check(functions.EnumeratePhysicalDevices(instance, &count, handles.data()), "vkEnumeratePhysicalDevices");
  handles.resize(count);

  std::vector<Adapter> result;
  for (const VkPhysicalDevice handle : handles) {
    Adapter& adapter = result.emplace_back();
    adapter.handle = handle;
    const std::optional<std::uint32_t> family = computeFamily(functions, handle);
    adapter.queueFamily = family.value_or(0);
    adapter.listing.caps = queryDeviceCaps(functions, handle, adapter.queueFamily, nullptr);
    if (adapter.listing.caps.apiVersion < VK_API_VERSION_1_1)
      adapter.listing.reason = "Vulkan 1.0 only; 1.1 is needed";
    else if (!family)
      adapter.listing.reason = "no queue family with compute";
    else
      adapter.listing.usable = true;
  }
  return result;
}

const Adapter& chooseAdapter(const std::vector<Adapter>& adapters, const std::string& select) {
  if (adapters.empty()) throw Error(ErrorCode::MissingFeature, std::string("no Vulkan device: ") + kDriverAdvice);

  std::size_t index = 0;
  const auto [end, error] = std::from_chars(select.data(), select.data() + select.size(), index);
  const bool byIndex =
      !select.empty() && error == std::errc() && end == select.data() + select.size() && index < adapters.size();
  const Adapter* best = nullptr;
  const Adapter* unusable = nullptr;
  std::string all;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const Adapter& adapter = adapters[i];
    const std::string& name = adapter.listing.caps.name;
    all += (i ? ", " : "") + std::to_string(i) + " '" + name + "'" +
           (adapter.listing.usable ? "" : " (" + adapter.listing.reason + ")");
    const bool matches =
        byIndex ? i == index : select.empty() || lowerCase(name).find(lowerCase(select)) != std::string::npos;
    if (!matches) continue;
    if (!adapter.listing.usable)
      unusable = &adapter;
    else if (!best || rank(adapter.listing.caps.type) < rank(best->listing.caps.type))
      best = &adapter;
  }
  if (best) return *best;
  if (unusable)
    throw Error(ErrorCode::MissingFeature, "the Vulkan device '" + unusable->listing.caps.name +
                                               "' cannot be used: " + unusable->listing.reason + "; there are: " + all);
  throw Error(ErrorCode::InvalidArgument, "no Vulkan device matches '" + select + "'; there are: " + all);
}

}  // namespace rivulet::vk
