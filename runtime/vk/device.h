#pragma once
// A VkDevice that Rivulet computes on: its own (headless), or one imported from a host renderer. Nothing else in the
// runtime knows which of the two it is, and nothing assumes that it owns the device.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vk/device_caps.h"
#include "vk/functions.h"

struct VmaAllocator_T;

namespace rivulet::vk {

/// Receives validation errors and warnings (own device with validation on only). Called from any thread; must not
/// throw.
using MessageCallback = std::function<void(VkDebugUtilsMessageSeverityFlagBitsEXT, const char* message)>;

/// The environment adds to it: RIVULET_DEVICE is `select` where that is empty, RIVULET_VALIDATION=1 turns validation
/// on, RIVULET_DISABLE=name,name,... adds to `disable`.
struct CreateDeviceInfo {
  std::string select;  // substring of the device name, or its index as a number; empty: the fastest type present
  bool validation =
      false;  // Khronos validation with synchronization validation; Error(MissingFeature) if not installed
  MessageCallback onMessage;  // where validation messages go; default: standard error
  std::vector<std::string>
      disable;  // capabilities not to use, by DeviceCaps member name: "storage16", "bufferDeviceAddress", ...
  PFN_vkGetInstanceProcAddr getInstanceProcAddr = nullptr;  // null: the Vulkan loader found at run time (loader.h)
};

/// Everything is BORROWED: the host keeps instance and device alive longer than the Device made from them.
struct ImportDeviceInfo {
  PFN_vkGetInstanceProcAddr getInstanceProcAddr = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physicalDevice = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  std::uint32_t queueFamily = 0;  // a family with compute; queue `queueIndex` of it must have been created
  std::uint32_t queueIndex = 0;
  std::uint32_t apiVersion = VK_API_VERSION_1_1;  // what the instance was created with, at least 1.1
  EnabledFeatures enabled;
  std::mutex* queueMutex = nullptr;  // BORROWED; locked around submissions when the host submits from other threads
  std::function<void()> lockQueue,
      unlockQueue;  // instead of the mutex, for a host with a lock of its own; both or none
};

/// One adapter as `rivulet devices` lists it.
struct DeviceListing {
  DeviceCaps caps;
  bool usable = false;
  std::string reason;  // why not usable
};

/// Thread-safety: immutable after construction; submit() is internally synchronised.
class Device {
 public:
  /// A headless device of our own, with every useful feature enabled that it has and `info` does not disable.
  /// Errors: MissingFeature (no loader, no driver, no compute queue, no validation layer), InvalidArgument (`select`
  /// matches nothing: the message lists what is there; `disable` names no capability).
  static std::shared_ptr<Device> create(const CreateDeviceInfo& info = {});
  /// Errors: InvalidArgument (a handle is missing, the queue family has no compute), MissingFeature (Vulkan 1.0, an
  /// entry point is missing).
  static std::shared_ptr<Device> import(const ImportDeviceInfo& info);
  /// Every adapter, usable or not, in the driver's order: an index is what `select` takes. Empty without a driver.
  /// Errors: MissingFeature (no loader).
  static std::vector<DeviceListing> list(PFN_vkGetInstanceProcAddr getInstanceProcAddr = nullptr);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceCaps& caps() const { return caps_; }
  /// Optional entry points are null unless the capability behind them is in use: timeline semaphores, buffer device
  /// addresses, debug names and labels.
  const DeviceFunctions& fn() const { return fn_; }
  const InstanceFunctions& instanceFn() const { return instanceFn_; }
  VkDevice handle() const { return device_; }
  VkPhysicalDevice physicalDevice() const { return physicalDevice_; }
  std::uint32_t queueFamily() const { return queueFamily_; }
  /// Made by create(): instance and device are destroyed with it.
  bool owned() const { return owned_; }
  /// Validation errors and warnings so far (own device with validation on; else 0).
  std::uint64_t validationMessages() const { return messages_.count; }
  VmaAllocator_T* allocator() const { return allocator_; }

  /// Submits to the device's queue. Holds the queue's lock for the call. Errors: DeviceLost, out of memory.
  void submit(const VkSubmitInfo& info, VkFence fence) const;

  /// Names an object for validation messages and captures; does nothing without VK_EXT_debug_utils.
  template <class Handle>
  void setName(VkObjectType type, Handle handle, const std::string& name) const {
    setNameImpl(type, (std::uint64_t)handle, name);
  }

 private:
  /// Where the messenger's user pointer leads.
  struct Messages {
    MessageCallback callback;
    std::atomic<std::uint64_t> count{0};
  };
  Device() = default;
  static VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                  VkDebugUtilsMessageTypeFlagsEXT types,
                                                  const VkDebugUtilsMessengerCallbackDataEXT* data, void* messages);
  void setNameImpl(VkObjectType type, std::uint64_t handle, const std::string& name) const;
  void createLogicalDevice(const std::vector<std::string>& disable);
  void initialise();

  bool owned_ = false;
  bool debugUtils_ = false;
  VkInstance instance_ = VK_NULL_HANDLE;
  VkPhysicalDevice physicalDevice_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::uint32_t queueFamily_ = 0, queueIndex_ = 0, apiVersion_ = 0;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  Messages messages_;
  InstanceFunctions instanceFn_;
  DeviceFunctions fn_;
  DeviceCaps caps_;
  VmaAllocator_T* allocator_ = nullptr;
  mutable std::mutex ownMutex_;
  std::mutex* queueMutex_ = &ownMutex_;
  std::function<void()> lockQueue_, unlockQueue_;
};

}  // namespace rivulet::vk
