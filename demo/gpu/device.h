// The logical device: what the demo needs of it, with what Rivulet can use. One queue for everything.
#pragma once

#include <vk_mem_alloc.h>

#include <rivulet/rivulet.hpp>
#include <string>

#include "gpu/instance.h"

namespace demo {

class Device {
 public:
  /// `surface`: one the queue has to present to, or null.
  Device(const Instance& instance, VkPhysicalDevice physical, VkSurfaceKHR surface, const rivulet::Plugin& plugin);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Functions& fn() const { return fn_; }
  const Instance& instance() const { return instance_; }
  VkPhysicalDevice physical() const { return physical_; }
  VkDevice handle() const { return handle_; }
  VkQueue queue() const { return queue_; }
  std::uint32_t queueFamily() const { return family_; }
  VmaAllocator allocator() const { return allocator_; }
  const VkPhysicalDeviceProperties& properties() const { return properties_; }
  /// It has what the demo needs of Vulkan 1.3 as extensions.
  bool before13() const { return properties_.apiVersion < VK_API_VERSION_1_3; }
  /// Of what is used of it.
  std::uint32_t apiVersion() const { return before13() ? VK_API_VERSION_1_2 : VK_API_VERSION_1_3; }
  bool isCpu() const { return properties_.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  /// Those enabled, of the ones Rivulet offered to use.
  const RvlFeatures& rivuletFeatures() const { return features_; }
  const RvlByteFeatures& rivuletByteFeatures() const { return byteFeatures_; }
  /// Nanoseconds a time stamp's unit is long; 0: the queue has none.
  double timestampPeriod() const { return timestampPeriod_; }

  /// For frame debuggers and validation messages.
  template <class Handle>
  void name(VkObjectType type, Handle handle, const std::string& text) const {
    setName(type, (std::uint64_t)(handle), text);  // a pointer or a number, by platform
  }
  void waitIdle() const { fn_.DeviceWaitIdle(handle_); }

 private:
  void create(VkSurfaceKHR surface, const rivulet::Plugin& plugin);
  bool replaysAddresses() const;
  void setName(VkObjectType type, std::uint64_t handle, const std::string& text) const;

  const Instance& instance_;
  Functions fn_;
  VkPhysicalDevice physical_;
  VkPhysicalDeviceProperties properties_{};
  VkDevice handle_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0;
  VmaAllocator allocator_ = VK_NULL_HANDLE;
  RvlFeatures features_{};
  RvlByteFeatures byteFeatures_{};
  double timestampPeriod_ = 0;
};

/// A range of a command buffer with a name.
class Label {
 public:
  Label(const Device& device, VkCommandBuffer commands, const char* text);
  ~Label();
  Label(const Label&) = delete;
  Label& operator=(const Label&) = delete;

 private:
  const Device& device_;
  VkCommandBuffer commands_;
};

}  // namespace demo
