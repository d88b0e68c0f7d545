#include "vk/loader.h"

#include <string>

#include "core/error.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace rivulet::vk {

namespace {

#if defined(_WIN32)
constexpr const char* kLibraries[] = {"vulkan-1.dll"};
constexpr const char* kAdvice = "install the graphics driver, which brings the Vulkan loader";
#elif defined(__APPLE__)
constexpr const char* kLibraries[] = {"libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"};
constexpr const char* kAdvice = "install the Vulkan SDK or MoltenVK";
#else
constexpr const char* kLibraries[] = {"libvulkan.so.1", "libvulkan.so"};
constexpr const char* kAdvice = "install the Vulkan loader (Debian and Ubuntu: libvulkan1, Fedora: vulkan-loader)";
#endif

/// vkGetInstanceProcAddr of a library, which stays open until the process ends; null if it cannot be opened.
PFN_vkGetInstanceProcAddr open(const char* library) {
#if defined(_WIN32)
  const HMODULE module = LoadLibraryA(library);
  if (!module) return nullptr;
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      reinterpret_cast<void*>(GetProcAddress(module, "vkGetInstanceProcAddr")));
#else
  void* const module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!module) return nullptr;
  return reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(module, "vkGetInstanceProcAddr"));
#endif
}

}  // namespace

PFN_vkGetInstanceProcAddr openLoader(std::span<const char* const> libraries) {
  if (libraries.empty()) libraries = kLibraries;
  std::string names;
  for (const char* library : libraries) {
    if (const PFN_vkGetInstanceProcAddr found = open(library)) return found;
    names += (names.empty() ? "" : ", ") + std::string(library);
  }
  throw Error(ErrorCode::MissingFeature, "no Vulkan loader: could not open " + names + "; " + kAdvice);
}

GlobalFunctions GlobalFunctions::load(PFN_vkGetInstanceProcAddr getInstanceProcAddr) {
  GlobalFunctions functions;
#define RVL_LOAD(name) functions.name = reinterpret_cast<PFN_vk##name>(getInstanceProcAddr(nullptr, "vk" #name));
#define RVL_LOAD_REQUIRED(name) \
  RVL_LOAD(name)                \
  if (!functions.name) throw Error(ErrorCode::MissingFeature, "the Vulkan loader has no vk" #name "; reinstall it");
  RVL_LOAD(EnumerateInstanceVersion)
  RVL_LOAD_REQUIRED(EnumerateInstanceExtensionProperties)
  RVL_LOAD_REQUIRED(EnumerateInstanceLayerProperties)
  RVL_LOAD_REQUIRED(CreateInstance)
#undef RVL_LOAD_REQUIRED
#undef RVL_LOAD
  return functions;
}

}  // namespace rivulet::vk
