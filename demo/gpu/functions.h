// Vulkan's functions, found at run time: the demo links no loader.
#pragma once

#include <vulkan/vulkan_core.h>

namespace demo {

// A line for each group that is used together.
// clang-format off
#define DEMO_GLOBAL_FUNCTIONS(X) \
  X(CreateInstance)              \
  X(EnumerateInstanceVersion) X(EnumerateInstanceLayerProperties) X(EnumerateInstanceExtensionProperties)

#define DEMO_INSTANCE_FUNCTIONS(X)                                                                    \
  X(DestroyInstance)                                                                                  \
  X(EnumeratePhysicalDevices) X(GetPhysicalDeviceProperties) X(GetPhysicalDeviceFeatures2)            \
      X(GetPhysicalDeviceQueueFamilyProperties) X(EnumerateDeviceExtensionProperties) X(CreateDevice) \
          X(GetDeviceProcAddr)

// Null where the extension is not enabled.
#define DEMO_EXTENSION_FUNCTIONS(X)                                                            \
  X(CreateDebugUtilsMessengerEXT)                                                              \
  X(DestroyDebugUtilsMessengerEXT) X(SetDebugUtilsObjectNameEXT) X(CmdBeginDebugUtilsLabelEXT) \
      X(CmdEndDebugUtilsLabelEXT) X(DestroySurfaceKHR) X(GetPhysicalDeviceSurfaceSupportKHR)   \
          X(GetPhysicalDeviceSurfaceCapabilitiesKHR) X(GetPhysicalDeviceSurfaceFormatsKHR)     \
              X(GetPhysicalDeviceSurfacePresentModesKHR)

#define DEMO_DEVICE_FUNCTIONS(X)                                                                                       \
  X(DestroyDevice)                                                                                                     \
  X(GetDeviceQueue) X(DeviceWaitIdle) X(QueueSubmit2) X(CreateCommandPool) X(DestroyCommandPool) X(ResetCommandPool)   \
      X(AllocateCommandBuffers) X(BeginCommandBuffer) X(EndCommandBuffer) X(CreateFence) X(DestroyFence)               \
          X(WaitForFences) X(ResetFences) X(CreateSemaphore) X(DestroySemaphore) X(CreateQueryPool)                    \
              X(DestroyQueryPool) X(CmdResetQueryPool) X(CmdWriteTimestamp2) X(GetQueryPoolResults) X(CreateImageView) \
                  X(DestroyImageView) X(CreateSampler) X(DestroySampler) X(CreateDescriptorSetLayout)                  \
                      X(DestroyDescriptorSetLayout) X(CreateDescriptorPool) X(DestroyDescriptorPool)                   \
                          X(AllocateDescriptorSets) X(UpdateDescriptorSets) X(CreatePipelineLayout)                    \
                              X(DestroyPipelineLayout) X(CreateShaderModule) X(DestroyShaderModule)                    \
                                  X(CreateGraphicsPipelines) X(DestroyPipeline) X(CmdPipelineBarrier2)                 \
                                      X(CmdBeginRendering) X(CmdEndRendering) X(CmdBindPipeline)                       \
                                          X(CmdBindDescriptorSets) X(CmdBindVertexBuffers) X(CmdBindIndexBuffer)       \
                                              X(CmdPushConstants) X(CmdSetViewport) X(CmdSetScissor) X(CmdDraw)        \
                                                  X(CmdDrawIndexed) X(CmdClearColorImage) X(CmdCopyImageToBuffer)
// clang-format on

#define DEMO_SWAPCHAIN_FUNCTIONS(X) \
  X(CreateSwapchainKHR) X(DestroySwapchainKHR) X(GetSwapchainImagesKHR) X(AcquireNextImageKHR) X(QueuePresentKHR)

struct Functions {
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;
#define DEMO_MEMBER(name) PFN_vk##name name = nullptr;
  DEMO_GLOBAL_FUNCTIONS(DEMO_MEMBER)
  DEMO_INSTANCE_FUNCTIONS(DEMO_MEMBER)
  DEMO_EXTENSION_FUNCTIONS(DEMO_MEMBER)
  DEMO_DEVICE_FUNCTIONS(DEMO_MEMBER)
  DEMO_SWAPCHAIN_FUNCTIONS(DEMO_MEMBER)
#undef DEMO_MEMBER

  /// Opens the system's Vulkan loader. Throws where there is none.
  void loadGlobal();
  void loadInstance(VkInstance instance);
  /// `extensions`: what Vulkan 1.3 took over is there under the names of its extensions.
  void loadDevice(VkDevice device, bool extensions);
};

/// Throws std::runtime_error that names the call and the result.
void check(VkResult result, const char* call);

}  // namespace demo
