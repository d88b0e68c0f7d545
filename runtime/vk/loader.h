#pragma once
// Finds the Vulkan loader at run time, so that Rivulet links against none and a machine without one gets a message.

#include <span>

#include "vk/functions.h"

namespace rivulet::vk {

/// Opens the first of `libraries` that is there (file names as the platform's dynamic linker takes them; empty: the
/// platform's usual ones) and keeps it open. Errors: MissingFeature, saying what was looked for and what to install.
/// Thread-safety: any thread.
PFN_vkGetInstanceProcAddr openLoader(std::span<const char* const> libraries = {});

/// The entry points that exist before there is an instance.
struct GlobalFunctions {
  PFN_vkEnumerateInstanceVersion EnumerateInstanceVersion = nullptr;  // null with a Vulkan 1.0 loader
  PFN_vkEnumerateInstanceExtensionProperties EnumerateInstanceExtensionProperties = nullptr;
  PFN_vkEnumerateInstanceLayerProperties EnumerateInstanceLayerProperties = nullptr;
  PFN_vkCreateInstance CreateInstance = nullptr;

  /// Errors: MissingFeature naming the entry point that is missing.
  static GlobalFunctions load(PFN_vkGetInstanceProcAddr getInstanceProcAddr);
};

}  // namespace rivulet::vk
