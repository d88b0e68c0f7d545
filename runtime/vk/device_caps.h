#pragma once
// What a device can do, and which of it Rivulet may use. Each capability has a written fallback:
//
//   storage16            fp16 weights and activations in buffers     fallback: fp32 storage
//   bufferDeviceAddress  pointers in push constants                  fallback: one descriptor set per executable
//   subgroup ballot      weight broadcast in conv2d, linear          fallback: the plain kernels (every lane loads)
//   subgroup arithmetic  reductions in norm                          fallback: shared-memory reductions
//   subgroupSizeControl  require full subgroups of a known size      fallback: kernels read gl_SubgroupSize
//   int64                64-bit loads in conv2d                      fallback: its 32-bit loads
//   cooperativeMatrix    matrix units                                fallback: the subgroup kernels
//   shaderInt8           matrix units for bytes                      fallback: dot products of bytes
//   integerDotProduct    dot products of bytes                       fallback: weights of bytes are widened to floats
//   timelineSemaphore    completion values of submissions            fallback: one fence per submission
//   timestamps           GPU time per dispatch                       fallback: host clock around a submission
//   textureCompressionBC BC1 and BC7 images                          fallback: uncompressed images

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vk/functions.h"

namespace rivulet::vk {

/// One advertised cooperative matrix multiply-add, in subgroup scope.
struct CooperativeMatrixShape {
  std::uint32_t m, n, k;
  VkComponentTypeKHR a, b, c, result;
};

struct DeviceCaps {
  std::string name;
  std::string driver;  // driver name and version as the driver words it
  std::uint32_t vendorId = 0, deviceId = 0, driverVersion = 0, apiVersion = 0;
  std::uint8_t deviceUuid[VK_UUID_SIZE] = {};
  std::uint8_t pipelineCacheUuid[VK_UUID_SIZE] = {};
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;

  bool storage16 = false;
  bool bufferDeviceAddress = false;
  bool subgroupBallot = false;
  bool subgroupArithmetic = false;
  bool subgroupSizeControl = false;
  bool int64 = false;
  bool cooperativeMatrix = false;
  bool shaderInt8 = false;
  bool integerDotProduct = false;
  bool timelineSemaphore = false;
  bool timestamps = false;
  bool textureCompressionBC = false;

  std::uint32_t subgroupSize = 1, minSubgroupSize = 1, maxSubgroupSize = 1;
  std::uint32_t maxWorkgroupInvocations = 128, maxWorkgroupSize[3] = {128, 128, 64},
                maxWorkgroupCount[3] = {65535, 65535, 65535};
  std::uint32_t maxWorkgroupSubgroups =
      0;  // subgroups of a required size in one workgroup; 0 without subgroupSizeControl
  std::uint32_t maxPushConstants = 128, sharedMemory = 16384;
  std::uint64_t maxStorageBufferRange = 1u << 27;
  std::uint64_t maxAllocation = 1u << 30;  // largest buffer: the smaller of the limits on one allocation and one buffer
  double timestampPeriodNs = 0;            // nanoseconds per tick; 0 without timestamps
  std::uint32_t timestampValidBits = 0;
  bool graphicsQueue = false;  // the queue family draws, too
  std::vector<CooperativeMatrixShape> cooperativeMatrixShapes;

  /// A device whose shaders run on the CPU: shapes of kernels differ there (no shared memory, long vectors).
  bool isSoftware() const { return type == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  /// Whether kernels can rely on subgroups of `subgroupSize`: it is the only one, or can be required.
  bool knownSubgroupSize() const { return minSubgroupSize == maxSubgroupSize || subgroupSizeControl; }
  /// Whether convolutions can be computed in bytes (ops/quantization.h).
  bool multipliesBytes() const;
};

/// Features a host has enabled on a device it shares. A capability is used only if the device has it and the host says
/// it enabled it. For our own device everything useful is enabled.
struct EnabledFeatures {
  bool storageBuffer16BitAccess = false;
  bool bufferDeviceAddress = false;
  bool subgroupSizeControl = false;  // subgroupSizeControl and computeFullSubgroups
  bool shaderInt64 = false;
  bool cooperativeMatrix = false;  // cooperativeMatrix, vulkanMemoryModel and shaderFloat16
  bool shaderInt8 = false;
  bool integerDotProduct = false;
  bool timelineSemaphore = false;
  bool textureCompressionBC = false;
  bool debugUtils = false;  // instance extension VK_EXT_debug_utils
};

/// Reads properties and features of `device`; pure queries, nothing is created. A capability is reported as present
/// when the device supports it and `enabled` allows it (null: whatever the device supports).
DeviceCaps queryDeviceCaps(const InstanceFunctions& functions, VkPhysicalDevice device, std::uint32_t queueFamily,
                           const EnabledFeatures* enabled);

/// The capabilities by name, as `CreateDeviceInfo::disable`, RIVULET_DISABLE and `rivulet devices` spell them.
struct Capability {
  std::string_view name;
  bool DeviceCaps::*member;
};
std::span<const Capability> capabilities();

/// Clears the capability called `name`. Errors: InvalidArgument with the names there are.
void disableCapability(DeviceCaps& caps, std::string_view name);

}  // namespace rivulet::vk
