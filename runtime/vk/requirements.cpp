#include "vk/requirements.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace rivulet::vk {

namespace {

/// An extension that a feature needs where it is not core yet.
struct FeatureExtension {
  bool EnabledFeatures::*feature;
  const char* name;
  std::uint32_t promoted;  // core from this version on; 0: never
};

constexpr FeatureExtension kExtensions[] = {
    {&EnabledFeatures::bufferDeviceAddress, "VK_KHR_buffer_device_address", VK_API_VERSION_1_2},
    {&EnabledFeatures::timelineSemaphore, "VK_KHR_timeline_semaphore", VK_API_VERSION_1_2},
    {&EnabledFeatures::subgroupSizeControl, "VK_EXT_subgroup_size_control", VK_API_VERSION_1_3},
    {&EnabledFeatures::cooperativeMatrix, "VK_KHR_cooperative_matrix", 0},
    {&EnabledFeatures::cooperativeMatrix, "VK_KHR_vulkan_memory_model", VK_API_VERSION_1_2},
    {&EnabledFeatures::cooperativeMatrix, "VK_KHR_shader_float16_int8", VK_API_VERSION_1_2},
    {&EnabledFeatures::shaderInt8, "VK_KHR_shader_float16_int8", VK_API_VERSION_1_2},
    {&EnabledFeatures::integerDotProduct, "VK_KHR_shader_integer_dot_product", VK_API_VERSION_1_3},
};

std::vector<VkExtensionProperties> deviceExtensions(const InstanceFunctions& functions, VkPhysicalDevice device) {
  std::uint32_t count = 0;
  check(functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> list(count);
  check(functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, list.data()),
        "vkEnumerateDeviceExtensionProperties");
  list.resize(count);
  return list;
}

bool hasComputeQueue(const InstanceFunctions& functions, VkPhysicalDevice device) {
  std::uint32_t count = 0;
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  return std::any_of(families.begin(), families.end(), [](const VkQueueFamilyProperties& family) {
    return (family.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0 && family.queueCount > 0;
  });
}

}  // namespace

DeviceRequirements deviceRequirements(const InstanceFunctions& functions, VkPhysicalDevice device,
                                      std::uint32_t apiVersion) {
  const DeviceCaps caps = queryDeviceCaps(functions, device, 0, nullptr);
  if (caps.apiVersion < VK_API_VERSION_1_1 || apiVersion < VK_API_VERSION_1_1)
    throw Error(ErrorCode::MissingFeature,
                "'" + caps.name + "': " + (apiVersion < VK_API_VERSION_1_1 ? "the instance" : "the device") +
                    " has Vulkan 1.0 only; Rivulet needs 1.1");
  if (!hasComputeQueue(functions, device))
    throw Error(ErrorCode::MissingFeature, "'" + caps.name + "' has no queue family with VK_QUEUE_COMPUTE_BIT");

  DeviceRequirements requirements;
  EnabledFeatures& features = requirements.features;
  features.storageBuffer16BitAccess = caps.storage16;
  features.bufferDeviceAddress = caps.bufferDeviceAddress;
  features.subgroupSizeControl = caps.subgroupSizeControl;
  features.shaderInt64 = caps.int64;
  features.cooperativeMatrix = caps.cooperativeMatrix;
  features.shaderInt8 = caps.shaderInt8;
  features.integerDotProduct = caps.integerDotProduct;
  features.timelineSemaphore = caps.timelineSemaphore;
  features.textureCompressionBC = caps.textureCompressionBC;
  requirements.optionalInstanceExtensions = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};

  const std::vector<VkExtensionProperties> present = deviceExtensions(functions, device);
  const auto has = [&](const char* name) {
    return std::any_of(present.begin(), present.end(),
                       [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
  };
  const std::uint32_t effective = std::min(apiVersion, caps.apiVersion);
  // A feature that is core in the device's version but not in the instance's needs its extension to be there as well.
  for (const FeatureExtension& e : kExtensions)
    if ((e.promoted == 0 || effective < e.promoted) && !has(e.name)) features.*e.feature = false;
  std::vector<const char*>& extensions = requirements.optionalDeviceExtensions;
  for (const FeatureExtension& e : kExtensions) {
    if ((e.promoted != 0 && effective >= e.promoted) || !(features.*e.feature)) continue;
    const auto same = [&](const char* name) { return std::strcmp(name, e.name) == 0; };
    if (std::none_of(extensions.begin(), extensions.end(), same)) extensions.push_back(e.name);
  }
  return requirements;
}

struct FeatureChain::Structures {
  VkPhysicalDeviceFeatures2 core{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};  // instead of pEnabledFeatures
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
};

FeatureChain::FeatureChain(const EnabledFeatures& features) : structures_(std::make_unique<Structures>()) {
  const auto link = [this](auto& structure) {
    structure.pNext = head_;
    head_ = &structure;
  };
  if (features.shaderInt64 || features.textureCompressionBC) {
    structures_->core.features.shaderInt64 = features.shaderInt64 ? VK_TRUE : VK_FALSE;
    structures_->core.features.textureCompressionBC = features.textureCompressionBC ? VK_TRUE : VK_FALSE;
    link(structures_->core);
  }
  if (features.storageBuffer16BitAccess) {
    structures_->storage16.storageBuffer16BitAccess = VK_TRUE;
    link(structures_->storage16);
  }
  if (features.bufferDeviceAddress) {
    structures_->address.bufferDeviceAddress = VK_TRUE;
    link(structures_->address);
  }
  if (features.subgroupSizeControl) {
    structures_->sizes.subgroupSizeControl = VK_TRUE;
    structures_->sizes.computeFullSubgroups = VK_TRUE;
    link(structures_->sizes);
  }
  if (features.timelineSemaphore) {
    structures_->timeline.timelineSemaphore = VK_TRUE;
    link(structures_->timeline);
  }
  if (features.cooperativeMatrix) {
    structures_->matrices.cooperativeMatrix = VK_TRUE;
    link(structures_->matrices);
    structures_->memoryModel.vulkanMemoryModel = VK_TRUE;
    link(structures_->memoryModel);
  }
  if (features.cooperativeMatrix || features.shaderInt8) {
    structures_->float16.shaderFloat16 = features.cooperativeMatrix ? VK_TRUE : VK_FALSE;
    structures_->float16.shaderInt8 = features.shaderInt8 ? VK_TRUE : VK_FALSE;
    link(structures_->float16);
  }
  if (features.integerDotProduct) {
    structures_->dotProduct.shaderIntegerDotProduct = VK_TRUE;
    link(structures_->dotProduct);
  }
}

FeatureChain::~FeatureChain() = default;

}  // namespace rivulet::vk
