#pragma once
// What a renderer is to Rivulet: an instance and a device made by somebody else.

#include <string>
#include <vector>

#include "support/gpu_fixture.h"
#include "vk/device.h"

namespace rivulet::test {

struct HostOptions {
  PFN_vkGetInstanceProcAddr getInstanceProcAddr = nullptr;  // null: the system's loader
  std::uint32_t apiVersion = VK_API_VERSION_1_3;
  bool everything = true;  // enable all that deviceRequirements() names; else nothing at all
  bool validation = true;  // where it is installed
};

/// Destroys what it made, after every Device imported from it is gone.
class HostDevice {
 public:
  explicit HostDevice(const HostOptions& options = {});
  ~HostDevice();
  HostDevice(const HostDevice&) = delete;
  HostDevice& operator=(const HostDevice&) = delete;

  /// Ready for Device::import.
  const vk::ImportDeviceInfo& info() const { return info_; }
  VkQueue queue() const { return queue_; }
  const vk::InstanceFunctions& instanceFn() const { return instanceFn_; }
  const vk::DeviceFunctions& fn() const { return fn_; }
  /// Validation messages; those that come while it is destroyed go to sharedMessages().
  MessageLog& messages() { return messages_; }

 private:
  static VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                  VkDebugUtilsMessageTypeFlagsEXT,
                                                  const VkDebugUtilsMessengerCallbackDataEXT* data, void* log);
  vk::ImportDeviceInfo info_;
  vk::InstanceFunctions instanceFn_;
  vk::DeviceFunctions fn_;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  MessageLog messages_;
};

}  // namespace rivulet::test
