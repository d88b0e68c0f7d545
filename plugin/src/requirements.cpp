#include "requirements.h"

#include <cstddef>
#include <string>

#include "failure.h"
#include "structures.h"
#include "vk/requirements.h"

namespace rivulet::plugin {
namespace {

template <class Chain, class Structure>
void link(Chain& chain, Structure& structure, VkStructureType type) {
  structure.sType = type;
  structure.pNext = const_cast<void*>(chain.head);
  chain.head = &structure;
}

/// Links what enables `features` in front of what is in the chain. `bytes`: whether matrix units are to multiply bytes,
/// too; the structure that says so is one of those for cooperative matrices.
template <class Chain>
void linkFeatures(const RvlFeatures& features, bool bytes, Chain& chain) {
  if (features.storage_buffer_16bit_access) {
    chain.storage16.storageBuffer16BitAccess = VK_TRUE;
    link(chain, chain.storage16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  }
  if (features.buffer_device_address) {
    chain.address.bufferDeviceAddress = VK_TRUE;
    link(chain, chain.address, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES);
  }
  if (features.subgroup_size_control) {
    chain.subgroups.subgroupSizeControl = VK_TRUE;
    chain.subgroups.computeFullSubgroups = VK_TRUE;
    link(chain, chain.subgroups, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES);
  }
  if (features.timeline_semaphore) {
    chain.timeline.timelineSemaphore = VK_TRUE;
    link(chain, chain.timeline, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);
  }
  if (features.cooperative_matrix) {
    chain.matrices.cooperativeMatrix = VK_TRUE;
    link(chain, chain.matrices, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
    chain.memory_model.vulkanMemoryModel = VK_TRUE;
    link(chain, chain.memory_model, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
  }
  if (features.cooperative_matrix || bytes) {
    chain.float16.shaderFloat16 = features.cooperative_matrix ? VK_TRUE : VK_FALSE;
    chain.float16.shaderInt8 = bytes ? VK_TRUE : VK_FALSE;
    link(chain, chain.float16, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
  }
  if (features.shader_int64 || features.texture_compression_bc) {
    chain.core.features.shaderInt64 = features.shader_int64;
    chain.core.features.textureCompressionBC = features.texture_compression_bc;
    link(chain, chain.core, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  }
}

}  // namespace

RvlResult RVL_CALL queryRequirements(const RvlRequirementsInfo* info, RvlRequirements* requirements) {
  return guarded([&] {
    const RvlRequirementsInfo given = readStruct(info, "RvlRequirementsInfo");
    if (!given.get_instance_proc_addr) invalid("get_instance_proc_addr is null");
    if (!given.instance) invalid("instance is null");
    if (!given.physical_device) invalid("physical_device is null");
    const vk::InstanceFunctions functions = vk::InstanceFunctions::load(given.get_instance_proc_addr, given.instance);
    const vk::DeviceRequirements found = vk::deviceRequirements(functions, given.physical_device, given.api_version);
    const auto flag = [](bool value) -> VkBool32 { return value ? VK_TRUE : VK_FALSE; };
    RvlRequirements result{};
    result.features.storage_buffer_16bit_access = flag(found.features.storageBuffer16BitAccess);
    result.features.buffer_device_address = flag(found.features.bufferDeviceAddress);
    result.features.subgroup_size_control = flag(found.features.subgroupSizeControl);
    result.features.shader_int64 = flag(found.features.shaderInt64);
    result.features.cooperative_matrix = flag(found.features.cooperativeMatrix);
    result.features.timeline_semaphore = flag(found.features.timelineSemaphore);
    result.features.texture_compression_bc = flag(found.features.textureCompressionBC);
    result.byte_features.shader_int8 = flag(found.features.shaderInt8);
    result.byte_features.integer_dot_product = flag(found.features.integerDotProduct);
    for (const char* extension : found.optionalDeviceExtensions) {
      if (result.device_extension_count == RVL_MAX_EXTENSIONS) break;
      result.device_extensions[result.device_extension_count++] = extension;
    }
    writeStruct(requirements, result, "RvlRequirements");
    return RVL_SUCCESS;
  });
}

RvlResult RVL_CALL fillFeatureChain(const RvlFeatures* features, RvlFeatureChain* chain) {
  return guarded([&] {
    if (!features) invalid("features is null");
    requireTarget(chain, "chain");
    *chain = {};
    linkFeatures(*features, false, *chain);
    return RVL_SUCCESS;
  });
}

RvlResult RVL_CALL fillFeatureChain2(const RvlRequirements* enabled, RvlFeatureChain2* chain) {
  return guarded([&] {
    const RvlRequirements given = readStruct(enabled, "RvlRequirements");
    static_cast<void>(readStruct(chain, "RvlFeatureChain2"));
    // It is linked where it lies: all of this version has to be there.
    if (chain->struct_size < sizeof *chain) {
      invalid("RvlFeatureChain2.struct_size is " + std::to_string(chain->struct_size) + ": it is at least " +
              std::to_string(sizeof *chain));
    }
    const std::size_t size = chain->struct_size;
    *chain = {};
    chain->struct_size = size;
    if (given.byte_features.integer_dot_product) {
      chain->dot_product.shaderIntegerDotProduct = VK_TRUE;
      link(*chain, chain->dot_product, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES);
    }
    linkFeatures(given.features, given.byte_features.shader_int8 != VK_FALSE, *chain);
    return RVL_SUCCESS;
  });
}

}  // namespace rivulet::plugin
