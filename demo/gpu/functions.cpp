#include "gpu/functions.h"

#include <stdexcept>
#include <string>

#include "rivulet/shared_library.h"

namespace demo {

void check(VkResult result, const char* call) {
  if (result >= 0) return;
  std::string text = std::string(call) + " failed with VkResult " + std::to_string(result);
  if (result == VK_ERROR_DEVICE_LOST) text += " (the device was lost: the driver reset it or it was removed)";
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) text += " (out of device memory)";
  throw std::runtime_error(text);
}

void Functions::loadGlobal() {
#if defined(_WIN32)
  const char* const name = "vulkan-1.dll";
#elif defined(__APPLE__)
  const char* const name = "libvulkan.1.dylib";
#else
  const char* const name = "libvulkan.so.1";
#endif
  // It stays loaded: drivers and layers leave threads and handlers behind that do not outlive an unloading.
  static SharedLibrary loader;
  std::string reason;
  if (!loader.open(name, reason)) {
    throw std::runtime_error("there is no Vulkan here: " + reason +
                             ". Install a Vulkan driver (Debian: libvulkan1 and mesa-vulkan-drivers).");
  }
  GetInstanceProcAddr = loader.function<PFN_vkGetInstanceProcAddr>("vkGetInstanceProcAddr");
  if (!GetInstanceProcAddr) throw std::runtime_error(std::string(name) + " has no vkGetInstanceProcAddr");
#define DEMO_LOAD(function) \
  function = reinterpret_cast<PFN_vk##function>(GetInstanceProcAddr(VK_NULL_HANDLE, "vk" #function));
  DEMO_GLOBAL_FUNCTIONS(DEMO_LOAD)
#undef DEMO_LOAD
}

void Functions::loadInstance(VkInstance instance) {
#define DEMO_LOAD(function) \
  function = reinterpret_cast<PFN_vk##function>(GetInstanceProcAddr(instance, "vk" #function));
  DEMO_INSTANCE_FUNCTIONS(DEMO_LOAD)
  DEMO_EXTENSION_FUNCTIONS(DEMO_LOAD)
#undef DEMO_LOAD
}

void Functions::loadDevice(VkDevice device, bool extensions) {
  const auto find = [&](const char* name) {
    const PFN_vkVoidFunction extension =
        extensions ? GetDeviceProcAddr(device, (std::string(name) + "KHR").c_str()) : nullptr;
    return extension ? extension : GetDeviceProcAddr(device, name);
  };
#define DEMO_LOAD(function) function = reinterpret_cast<PFN_vk##function>(find("vk" #function));
  DEMO_DEVICE_FUNCTIONS(DEMO_LOAD)
  DEMO_SWAPCHAIN_FUNCTIONS(DEMO_LOAD)
#undef DEMO_LOAD
}

}  // namespace demo
