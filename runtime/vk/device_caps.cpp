#include "vk/device_caps.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace rivulet::vk {

namespace {

constexpr Capability kCapabilities[] = {
    {"storage16", &DeviceCaps::storage16},
    {"bufferDeviceAddress", &DeviceCaps::bufferDeviceAddress},
    {"subgroupBallot", &DeviceCaps::subgroupBallot},
    {"subgroupArithmetic", &DeviceCaps::subgroupArithmetic},
    {"subgroupSizeControl", &DeviceCaps::subgroupSizeControl},
    {"int64", &DeviceCaps::int64},
    {"cooperativeMatrix", &DeviceCaps::cooperativeMatrix},
    {"shaderInt8", &DeviceCaps::shaderInt8},
    {"integerDotProduct", &DeviceCaps::integerDotProduct},
    {"timelineSemaphore", &DeviceCaps::timelineSemaphore},
    {"timestamps", &DeviceCaps::timestamps},
    {"textureCompressionBC", &DeviceCaps::textureCompressionBC},
};

/// Structures of one pNext chain, linked as they are added.
struct Chain {
  void** tail;
  template <class Root>
  explicit Chain(Root& root) : tail(&root.pNext) {}
  template <class Structure>
  void add(Structure& structure) {
    *tail = &structure;
    tail = &structure.pNext;
  }
};

class Extensions {
 public:
  Extensions(const InstanceFunctions& functions, VkPhysicalDevice device, std::uint32_t apiVersion)
      : apiVersion_(apiVersion) {
    std::uint32_t count = 0;
    check(functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
          "vkEnumerateDeviceExtensionProperties");
    list_.resize(count);
    check(functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, list_.data()),
          "vkEnumerateDeviceExtensionProperties");
    list_.resize(count);
  }
  /// In the device's core version, or as an extension. `promoted` 0: never promoted.
  bool has(const char* name, std::uint32_t promoted) const {
    if (promoted != 0 && apiVersion_ >= promoted) return true;
    return std::any_of(list_.begin(), list_.end(),
                       [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
  }

 private:
  std::uint32_t apiVersion_;
  std::vector<VkExtensionProperties> list_;
};

std::vector<CooperativeMatrixShape> cooperativeMatrixShapes(const InstanceFunctions& functions,
                                                            VkPhysicalDevice device) {
  if (!functions.GetPhysicalDeviceCooperativeMatrixPropertiesKHR) return {};
  std::uint32_t count = 0;
  check(functions.GetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, nullptr),
        "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  std::vector<VkCooperativeMatrixPropertiesKHR> found(count, {VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR});
  check(functions.GetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, found.data()),
        "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  found.resize(count);
  std::vector<CooperativeMatrixShape> shapes;
  for (const VkCooperativeMatrixPropertiesKHR& p : found)
    if (p.scope == VK_SCOPE_SUBGROUP_KHR && !p.saturatingAccumulation)
      shapes.push_back({p.MSize, p.NSize, p.KSize, p.AType, p.BType, p.CType, p.ResultType});
  return shapes;
}

void queryProperties(const InstanceFunctions& functions, VkPhysicalDevice device, const Extensions& extensions,
                     DeviceCaps& caps, bool& sizeControlInCompute, bool& matricesInCompute) {
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  VkPhysicalDeviceIDProperties id{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
  VkPhysicalDeviceMaintenance3Properties maintenance3{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceMaintenance4Properties maintenance4{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
  VkPhysicalDeviceDriverProperties driver{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceSubgroupSizeControlProperties sizes{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceCooperativeMatrixPropertiesKHR matrices{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
  Chain chain(properties);
  chain.add(id);
  chain.add(subgroup);
  chain.add(maintenance3);
  if (extensions.has("VK_KHR_maintenance4", VK_API_VERSION_1_3)) chain.add(maintenance4);
  if (extensions.has("VK_KHR_driver_properties", VK_API_VERSION_1_2)) chain.add(driver);
  if (extensions.has("VK_EXT_subgroup_size_control", VK_API_VERSION_1_3)) chain.add(sizes);
  if (extensions.has("VK_KHR_cooperative_matrix", 0)) chain.add(matrices);
  functions.GetPhysicalDeviceProperties2(device, &properties);

  const VkPhysicalDeviceProperties& core = properties.properties;
  const VkPhysicalDeviceLimits& limits = core.limits;
  caps.name = core.deviceName;
  caps.driver = std::string(driver.driverName) + (driver.driverInfo[0] ? " " : "") + driver.driverInfo;
  caps.vendorId = core.vendorID;
  caps.deviceId = core.deviceID;
  caps.driverVersion = core.driverVersion;
  caps.apiVersion = core.apiVersion;
  caps.type = core.deviceType;
  std::copy(std::begin(id.deviceUUID), std::end(id.deviceUUID), std::begin(caps.deviceUuid));
  std::copy(std::begin(core.pipelineCacheUUID), std::end(core.pipelineCacheUUID), std::begin(caps.pipelineCacheUuid));

  const bool subgroupsInCompute = (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  caps.subgroupBallot = subgroupsInCompute && (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_BALLOT_BIT) != 0;
  caps.subgroupArithmetic =
      subgroupsInCompute && (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0;
  caps.subgroupSize = std::max(1u, subgroup.subgroupSize);
  sizeControlInCompute = (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
  caps.minSubgroupSize = sizes.minSubgroupSize != 0 ? sizes.minSubgroupSize : caps.subgroupSize;
  caps.maxSubgroupSize = sizes.maxSubgroupSize != 0 ? sizes.maxSubgroupSize : caps.subgroupSize;
  caps.maxWorkgroupSubgroups = sizes.maxComputeWorkgroupSubgroups;
  matricesInCompute = (matrices.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;

  caps.maxWorkgroupInvocations = limits.maxComputeWorkGroupInvocations;
  std::copy_n(limits.maxComputeWorkGroupSize, 3, caps.maxWorkgroupSize);
  std::copy_n(limits.maxComputeWorkGroupCount, 3, caps.maxWorkgroupCount);
  caps.maxPushConstants = limits.maxPushConstantsSize;
  caps.sharedMemory = limits.maxComputeSharedMemorySize;
  caps.maxStorageBufferRange = limits.maxStorageBufferRange;
  caps.maxAllocation = maintenance3.maxMemoryAllocationSize;
  if (maintenance4.maxBufferSize != 0) caps.maxAllocation = std::min(caps.maxAllocation, maintenance4.maxBufferSize);
  caps.timestampPeriodNs = static_cast<double>(limits.timestampPeriod);
}

/// What the device supports, in the words of EnabledFeatures. One structure per feature, because a device may have any
/// subset of them, as core or as extensions.
EnabledFeatures queryFeatures(const InstanceFunctions& functions, VkPhysicalDevice device,
                              const Extensions& extensions) {
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDevice16BitStorageFeatures storage16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  VkPhysicalDeviceBufferDeviceAddressFeatures address{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES};
  VkPhysicalDeviceSubgroupSizeControlFeatures sizes{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
  VkPhysicalDeviceVulkanMemoryModelFeatures memoryModel{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES};
  VkPhysicalDeviceShaderFloat16Int8Features float16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDeviceShaderIntegerDotProductFeatures dotProduct{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
  Chain chain(features);
  chain.add(storage16);
  if (extensions.has("VK_KHR_buffer_device_address", VK_API_VERSION_1_2)) chain.add(address);
  if (extensions.has("VK_EXT_subgroup_size_control", VK_API_VERSION_1_3)) chain.add(sizes);
  if (extensions.has("VK_KHR_timeline_semaphore", VK_API_VERSION_1_2)) chain.add(timeline);
  if (extensions.has("VK_KHR_cooperative_matrix", 0)) chain.add(matrices);
  if (extensions.has("VK_KHR_vulkan_memory_model", VK_API_VERSION_1_2)) chain.add(memoryModel);
  if (extensions.has("VK_KHR_shader_float16_int8", VK_API_VERSION_1_2)) chain.add(float16);
  if (extensions.has("VK_KHR_shader_integer_dot_product", VK_API_VERSION_1_3)) chain.add(dotProduct);
  functions.GetPhysicalDeviceFeatures2(device, &features);

  EnabledFeatures supported;
  supported.storageBuffer16BitAccess = storage16.storageBuffer16BitAccess;
  supported.bufferDeviceAddress = address.bufferDeviceAddress;
  supported.subgroupSizeControl = sizes.subgroupSizeControl && sizes.computeFullSubgroups;
  supported.shaderInt64 = features.features.shaderInt64;
  supported.textureCompressionBC = features.features.textureCompressionBC;
  supported.timelineSemaphore = timeline.timelineSemaphore;
  supported.shaderInt8 = float16.shaderInt8;
  supported.integerDotProduct = dotProduct.shaderIntegerDotProduct;
  supported.cooperativeMatrix = matrices.cooperativeMatrix && memoryModel.vulkanMemoryModel && float16.shaderFloat16;
  return supported;
}

}  // namespace

DeviceCaps queryDeviceCaps(const InstanceFunctions& functions, VkPhysicalDevice device, std::uint32_t queueFamily,
                           const EnabledFeatures* enabled) {
  VkPhysicalDeviceProperties properties;
  functions.GetPhysicalDeviceProperties(device, &properties);
  DeviceCaps caps;
  if (properties.apiVersion < VK_API_VERSION_1_1) {  // the queries below need 1.1: only what lists show
    caps.name = properties.deviceName;
    caps.vendorId = properties.vendorID;
    caps.deviceId = properties.deviceID;
    caps.driverVersion = properties.driverVersion;
    caps.apiVersion = properties.apiVersion;
    caps.type = properties.deviceType;
    return caps;
  }
  const Extensions extensions(functions, device, properties.apiVersion);
  bool sizeControlInCompute = false, matricesInCompute = false;
  queryProperties(functions, device, extensions, caps, sizeControlInCompute, matricesInCompute);

  const EnabledFeatures supported = queryFeatures(functions, device, extensions);
  const EnabledFeatures& allowed = enabled ? *enabled : supported;
  caps.storage16 = supported.storageBuffer16BitAccess && allowed.storageBuffer16BitAccess;
  caps.bufferDeviceAddress = supported.bufferDeviceAddress && allowed.bufferDeviceAddress;
  caps.subgroupSizeControl = supported.subgroupSizeControl && allowed.subgroupSizeControl && sizeControlInCompute;
  caps.int64 = supported.shaderInt64 && allowed.shaderInt64;
  caps.shaderInt8 = supported.shaderInt8 && allowed.shaderInt8;
  caps.integerDotProduct = supported.integerDotProduct && allowed.integerDotProduct;
  caps.timelineSemaphore = supported.timelineSemaphore && allowed.timelineSemaphore;
  caps.textureCompressionBC = supported.textureCompressionBC && allowed.textureCompressionBC;
  if (supported.cooperativeMatrix && allowed.cooperativeMatrix && matricesInCompute)
    caps.cooperativeMatrixShapes = cooperativeMatrixShapes(functions, device);
  caps.cooperativeMatrix = !caps.cooperativeMatrixShapes.empty();
  if (!caps.subgroupSizeControl) caps.maxWorkgroupSubgroups = 0;

  std::uint32_t count = 0;
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  if (queueFamily < count) {
    caps.timestampValidBits = families[queueFamily].timestampValidBits;
    caps.graphicsQueue = (families[queueFamily].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0;
  }
  caps.timestamps = caps.timestampValidBits != 0 && caps.timestampPeriodNs > 0;
  if (!caps.timestamps) caps.timestampPeriodNs = 0;
  return caps;
}

bool DeviceCaps::multipliesBytes() const {
  const auto bytes = [](const CooperativeMatrixShape& shape) {
    return shape.a == VK_COMPONENT_TYPE_SINT8_KHR && shape.b == VK_COMPONENT_TYPE_SINT8_KHR &&
           shape.c == VK_COMPONENT_TYPE_SINT32_KHR && shape.result == VK_COMPONENT_TYPE_SINT32_KHR;
  };
  return integerDotProduct || (cooperativeMatrix && shaderInt8 && knownSubgroupSize() &&
                               std::any_of(cooperativeMatrixShapes.begin(), cooperativeMatrixShapes.end(), bytes));
}

std::span<const Capability> capabilities() {
  return kCapabilities;
}

void disableCapability(DeviceCaps& caps, std::string_view name) {
  std::string known;
  for (const Capability& capability : kCapabilities) {
    if (capability.name != name) {
      known += (known.empty() ? "" : ", ") + std::string(capability.name);
      continue;
    }
    caps.*capability.member = false;
    if (capability.member == &DeviceCaps::cooperativeMatrix) caps.cooperativeMatrixShapes.clear();
    if (capability.member == &DeviceCaps::subgroupSizeControl) caps.maxWorkgroupSubgroups = 0;
    if (capability.member == &DeviceCaps::timestamps) caps.timestampPeriodNs = 0;
    return;
  }
  throw Error(ErrorCode::InvalidArgument,
              "no capability is called '" + std::string(name) + "'; those that can be disabled: " + known);
}

}  // namespace rivulet::vk
