#include "vk/functions.h"

#include <string>

#include "core/error.h"

namespace rivulet::vk {

namespace {

[[noreturn]] void missing(const std::string& name, const char* owner) {
  throw Error(ErrorCode::MissingFeature,
              "the Vulkan entry point " + name + " is missing from the " + owner +
                  "; Rivulet needs Vulkan 1.1 or newer: update the driver, or create the instance with apiVersion 1.1");
}

const char* resultName(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "VK_ERROR_OUT_OF_HOST_MEMORY";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "VK_ERROR_OUT_OF_DEVICE_MEMORY";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "VK_ERROR_INITIALIZATION_FAILED";
    case VK_ERROR_DEVICE_LOST:
      return "VK_ERROR_DEVICE_LOST";
    case VK_ERROR_MEMORY_MAP_FAILED:
      return "VK_ERROR_MEMORY_MAP_FAILED";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "VK_ERROR_LAYER_NOT_PRESENT";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "VK_ERROR_EXTENSION_NOT_PRESENT";
    case VK_ERROR_FEATURE_NOT_PRESENT:
      return "VK_ERROR_FEATURE_NOT_PRESENT";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "VK_ERROR_INCOMPATIBLE_DRIVER";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "VK_ERROR_TOO_MANY_OBJECTS";
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      return "VK_ERROR_OUT_OF_POOL_MEMORY";
    case VK_ERROR_FRAGMENTED_POOL:
      return "VK_ERROR_FRAGMENTED_POOL";
    case VK_ERROR_INVALID_SHADER_NV:
      return "VK_ERROR_INVALID_SHADER_NV";
    case VK_ERROR_UNKNOWN:
      return "VK_ERROR_UNKNOWN";
    default:
      return nullptr;
  }
}

}  // namespace

InstanceFunctions InstanceFunctions::load(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance) {
  InstanceFunctions functions;
  functions.GetInstanceProcAddr = getInstanceProcAddr;
#define RVL_LOAD(name) functions.name = reinterpret_cast<PFN_vk##name>(getInstanceProcAddr(instance, "vk" #name));
#define RVL_LOAD_REQUIRED(name) RVL_LOAD(name) if (!functions.name) missing("vk" #name, "instance");
  RVL_VK_INSTANCE_FUNCTIONS(RVL_LOAD_REQUIRED)
  RVL_VK_OPTIONAL_INSTANCE_FUNCTIONS(RVL_LOAD)
#undef RVL_LOAD_REQUIRED
#undef RVL_LOAD
  return functions;
}

DeviceFunctions DeviceFunctions::load(const InstanceFunctions& instance, VkDevice device, std::uint32_t apiVersion) {
  const auto find = [&](const std::string& name) { return instance.GetDeviceProcAddr(device, name.c_str()); };
  const auto findPromoted = [&](const std::string& name) {
    const bool core = apiVersion >= VK_API_VERSION_1_2;
    const PFN_vkVoidFunction first = find(core ? name : name + "KHR");
    return first ? first : find(core ? name + "KHR" : name);
  };
  DeviceFunctions functions;
#define RVL_LOAD(name)                                               \
  functions.name = reinterpret_cast<PFN_vk##name>(find("vk" #name)); \
  if (!functions.name) missing("vk" #name, "device");
#define RVL_LOAD_OPTIONAL(name) functions.name = reinterpret_cast<PFN_vk##name>(findPromoted("vk" #name));
  RVL_VK_DEVICE_FUNCTIONS(RVL_LOAD)
  RVL_VK_OPTIONAL_DEVICE_FUNCTIONS(RVL_LOAD_OPTIONAL)
#undef RVL_LOAD_OPTIONAL
#undef RVL_LOAD
  return functions;
}

void check(VkResult result, const char* what) {
  if (result >= 0) return;
  const char* name = resultName(result);
  const std::string message =
      std::string(what) + " failed: " + (name ? name : "VkResult " + std::to_string(static_cast<int>(result)));
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_MEMORY_MAP_FAILED:
      throw Error(ErrorCode::OutOfHostMemory, message);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
      throw Error(ErrorCode::OutOfDeviceMemory, message);
    case VK_ERROR_DEVICE_LOST:
      throw Error(ErrorCode::DeviceLost, message + "; the device must be destroyed and created again");
    case VK_ERROR_LAYER_NOT_PRESENT:
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      throw Error(ErrorCode::MissingFeature, message);
    default:
      throw Error(ErrorCode::Internal, message);
  }
}

}  // namespace rivulet::vk
