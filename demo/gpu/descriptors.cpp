#include "gpu/descriptors.h"

namespace demo {

Descriptors::Descriptors(const Device& device, const std::vector<VkDescriptorType>& types, std::uint32_t sets,
                         const std::string& name)
    : device_(device), types_(types), sets_(sets) {
  const Functions& fn = device_.fn();
  std::vector<VkDescriptorSetLayoutBinding> bindings;
  std::vector<VkDescriptorPoolSize> sizes;
  for (const VkDescriptorType type : types_) {
    bindings.push_back({static_cast<std::uint32_t>(bindings.size()), type, 1,
                        VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, nullptr});
    sizes.push_back({type, sets});
  }
  VkDescriptorSetLayoutCreateInfo layout{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  layout.bindingCount = static_cast<std::uint32_t>(bindings.size());
  layout.pBindings = bindings.data();
  check(fn.CreateDescriptorSetLayout(device_.handle(), &layout, nullptr, &layout_), "vkCreateDescriptorSetLayout");
  device_.name(VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT, layout_, name);
  VkDescriptorPoolCreateInfo pool{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  pool.maxSets = sets;
  pool.poolSizeCount = static_cast<std::uint32_t>(sizes.size());
  pool.pPoolSizes = sizes.data();
  check(fn.CreateDescriptorPool(device_.handle(), &pool, nullptr, &pool_), "vkCreateDescriptorPool");
  device_.name(VK_OBJECT_TYPE_DESCRIPTOR_POOL, pool_, name);
  const std::vector<VkDescriptorSetLayout> layouts(sets, layout_);
  VkDescriptorSetAllocateInfo allocation{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  allocation.descriptorPool = pool_;
  allocation.descriptorSetCount = sets;
  allocation.pSetLayouts = layouts.data();
  check(fn.AllocateDescriptorSets(device_.handle(), &allocation, sets_.data()), "vkAllocateDescriptorSets");
  for (const VkDescriptorSet set : sets_) device_.name(VK_OBJECT_TYPE_DESCRIPTOR_SET, set, name);
}

Descriptors::~Descriptors() {
  device_.fn().DestroyDescriptorPool(device_.handle(), pool_, nullptr);
  device_.fn().DestroyDescriptorSetLayout(device_.handle(), layout_, nullptr);
}

void Descriptors::write(std::uint32_t set, std::uint32_t binding, VkBuffer buffer, VkDeviceSize size) const {
  const VkDescriptorBufferInfo info{buffer, 0, size};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = sets_[set];
  write.dstBinding = binding;
  write.descriptorCount = 1;
  write.descriptorType = types_[binding];
  write.pBufferInfo = &info;
  device_.fn().UpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
}

void Descriptors::write(std::uint32_t set, std::uint32_t binding, VkSampler sampler, VkImageView view,
                        VkImageLayout layout) const {
  const VkDescriptorImageInfo info{sampler, view, layout};
  VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
  write.dstSet = sets_[set];
  write.dstBinding = binding;
  write.descriptorCount = 1;
  write.descriptorType = types_[binding];
  write.pImageInfo = &info;
  device_.fn().UpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
}

VkSampler makeSampler(const Device& device, const SamplerInfo& info) {
  VkSamplerCreateInfo create{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
  create.magFilter = create.minFilter = VK_FILTER_LINEAR;
  create.mipmapMode = info.compare ? VK_SAMPLER_MIPMAP_MODE_NEAREST : VK_SAMPLER_MIPMAP_MODE_LINEAR;
  create.addressModeU = create.addressModeV = create.addressModeW = info.wrap;
  create.compareEnable = info.compare;
  create.compareOp = VK_COMPARE_OP_LESS_OR_EQUAL;
  create.borderColor = VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE;
  create.maxLod = VK_LOD_CLAMP_NONE;
  VkSampler sampler = VK_NULL_HANDLE;
  check(device.fn().CreateSampler(device.handle(), &create, nullptr, &sampler), "vkCreateSampler");
  device.name(VK_OBJECT_TYPE_SAMPLER, sampler, info.name);
  return sampler;
}

}  // namespace demo
