// The Vulkan instance, with validation where it is asked for.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "gpu/functions.h"

namespace demo {

class Instance {
 public:
  static constexpr std::uint32_t kApiVersion = VK_API_VERSION_1_3;
  /// What the demo needs of Vulkan 1.3. A device of 1.2 with both will do: frame debuggers call themselves older than
  /// the driver below them.
  static constexpr const char* kExtensionsBefore13[] = {VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME,
                                                        VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME};

  /// `extensions` are those the window system needs.
  Instance(const std::vector<const char*>& extensions, bool validation);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const Functions& fn() const { return fn_; }
  VkInstance handle() const { return handle_; }
  bool debugUtils() const { return debugUtils_; }
  /// Warnings and errors of the validation layer so far; they are printed as they come.
  unsigned validationMessages() const { return messages_; }
  /// One that runs the demo: the fastest kind, or that whose name contains `wanted`. Throws where there is none.
  VkPhysicalDevice choose(const std::string& wanted) const;

 private:
  void create(const std::vector<const char*>& extensions, bool validation);
  bool runsDemo(VkPhysicalDevice device, std::uint32_t apiVersion) const;

  Functions fn_;
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool debugUtils_ = false;
  std::atomic<unsigned> messages_ = 0;
};

}  // namespace demo
