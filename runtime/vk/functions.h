#pragma once
// The Vulkan entry points Rivulet calls, loaded per instance and per device through the vkGetInstanceProcAddr it was
// given. Nothing calls a global Vulkan function: an imported device may come from another loader, a layer, or a test
// that fails calls on purpose.

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <cstdint>

// X(name): required of any Vulkan 1.1 implementation.
#define RVL_VK_INSTANCE_FUNCTIONS(X)        \
  X(DestroyInstance)                        \
  X(EnumeratePhysicalDevices)               \
  X(EnumerateDeviceExtensionProperties)     \
  X(GetPhysicalDeviceProperties)            \
  X(GetPhysicalDeviceProperties2)           \
  X(GetPhysicalDeviceFeatures2)             \
  X(GetPhysicalDeviceMemoryProperties)      \
  X(GetPhysicalDeviceMemoryProperties2)     \
  X(GetPhysicalDeviceQueueFamilyProperties) \
  X(GetPhysicalDeviceImageFormatProperties) \
  X(CreateDevice)                           \
  X(GetDeviceProcAddr)

// X(name): may be null; whoever calls one checks first.
#define RVL_VK_OPTIONAL_INSTANCE_FUNCTIONS(X) \
  X(CreateDebugUtilsMessengerEXT)             \
  X(DestroyDebugUtilsMessengerEXT)            \
  X(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)

#define RVL_VK_DEVICE_FUNCTIONS(X) \
  X(DestroyDevice)                 \
  X(GetDeviceQueue)                \
  X(QueueSubmit)                   \
  X(QueueWaitIdle)                 \
  X(DeviceWaitIdle)                \
  X(AllocateMemory)                \
  X(FreeMemory)                    \
  X(MapMemory)                     \
  X(UnmapMemory)                   \
  X(FlushMappedMemoryRanges)       \
  X(InvalidateMappedMemoryRanges)  \
  X(CreateBuffer)                  \
  X(DestroyBuffer)                 \
  X(GetBufferMemoryRequirements)   \
  X(CreateImage)                   \
  X(DestroyImage)                  \
  X(GetImageMemoryRequirements)    \
  X(BindImageMemory)               \
  X(BindBufferMemory)              \
  X(CreateFence)                   \
  X(DestroyFence)                  \
  X(ResetFences)                   \
  X(GetFenceStatus)                \
  X(WaitForFences)                 \
  X(CreateQueryPool)               \
  X(DestroyQueryPool)              \
  X(GetQueryPoolResults)           \
  X(CmdCopyQueryPoolResults)       \
  X(CreateShaderModule)            \
  X(DestroyShaderModule)           \
  X(CreatePipelineCache)           \
  X(DestroyPipelineCache)          \
  X(GetPipelineCacheData)          \
  X(CreateComputePipelines)        \
  X(DestroyPipeline)               \
  X(CreatePipelineLayout)          \
  X(DestroyPipelineLayout)         \
  X(CreateDescriptorSetLayout)     \
  X(DestroyDescriptorSetLayout)    \
  X(CreateDescriptorPool)          \
  X(DestroyDescriptorPool)         \
  X(AllocateDescriptorSets)        \
  X(UpdateDescriptorSets)          \
  X(CreateCommandPool)             \
  X(DestroyCommandPool)            \
  X(ResetCommandPool)              \
  X(AllocateCommandBuffers)        \
  X(FreeCommandBuffers)            \
  X(BeginCommandBuffer)            \
  X(EndCommandBuffer)              \
  X(ResetCommandBuffer)            \
  X(CmdBindPipeline)               \
  X(CmdBindDescriptorSets)         \
  X(CmdPushConstants)              \
  X(CmdDispatch)                   \
  X(CmdDispatchBase)               \
  X(CmdPipelineBarrier)            \
  X(CmdCopyBuffer)                 \
  X(CmdCopyBufferToImage)          \
  X(CmdUpdateBuffer)               \
  X(CmdFillBuffer)                 \
  X(CmdWriteTimestamp)             \
  X(CmdResetQueryPool)

#define RVL_VK_OPTIONAL_DEVICE_FUNCTIONS(X) \
  X(GetBufferDeviceAddress)                 \
  X(CreateSemaphore)                        \
  X(DestroySemaphore)                       \
  X(WaitSemaphores)                         \
  X(SignalSemaphore)                        \
  X(GetSemaphoreCounterValue)               \
  X(SetDebugUtilsObjectNameEXT)             \
  X(CmdBeginDebugUtilsLabelEXT)             \
  X(CmdEndDebugUtilsLabelEXT)

namespace rivulet::vk {

#define RVL_VK_MEMBER(name) PFN_vk##name name = nullptr;

/// Instance-level entry points. Immutable after loading, so safe from any thread.
struct InstanceFunctions {
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;
  RVL_VK_INSTANCE_FUNCTIONS(RVL_VK_MEMBER)
  RVL_VK_OPTIONAL_INSTANCE_FUNCTIONS(RVL_VK_MEMBER)

  /// Throws Error(MissingFeature) naming the entry point that is missing.
  static InstanceFunctions load(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance);
};

/// Device-level entry points. Immutable after loading, so safe from any thread (Vulkan's own rules still hold).
struct DeviceFunctions {
  RVL_VK_DEVICE_FUNCTIONS(RVL_VK_MEMBER)
  RVL_VK_OPTIONAL_DEVICE_FUNCTIONS(RVL_VK_MEMBER)

  /// Throws Error(MissingFeature) naming the entry point that is missing. `apiVersion` is the smaller of the instance's
  /// and the device's version: functions promoted in 1.2 are looked up under their core name first from 1.2 on, with
  /// the KHR suffix first below.
  static DeviceFunctions load(const InstanceFunctions& instance, VkDevice device,
                              std::uint32_t apiVersion = VK_API_VERSION_1_2);
};

#undef RVL_VK_MEMBER

/// Throws the Error that a failed (negative) VkResult stands for; `what` names the call and the object, e.g.
/// "vkCreateBuffer(arena)".
void check(VkResult result, const char* what);

}  // namespace rivulet::vk
