// A set layout, and sets of it.
#pragma once

#include <string>
#include <vector>

#include "gpu/device.h"

namespace demo {

class Descriptors {
 public:
  /// Bindings 0, 1, ... of these types, for both stages; `sets` sets of them.
  Descriptors(const Device& device, const std::vector<VkDescriptorType>& types, std::uint32_t sets,
              const std::string& name);
  ~Descriptors();
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  VkDescriptorSetLayout layout() const { return layout_; }
  VkDescriptorSet set(std::uint32_t index) const { return sets_[index]; }
  void write(std::uint32_t set, std::uint32_t binding, VkBuffer buffer, VkDeviceSize size) const;
  void write(std::uint32_t set, std::uint32_t binding, VkSampler sampler, VkImageView view, VkImageLayout layout) const;

 private:
  const Device& device_;
  std::vector<VkDescriptorType> types_;
  VkDescriptorSetLayout layout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets_;
};

/// A sampler that goes with it.
struct SamplerInfo {
  VkSamplerAddressMode wrap = VK_SAMPLER_ADDRESS_MODE_REPEAT;
  bool compare = false;  // for shadow maps
  std::string name;
};
VkSampler makeSampler(const Device& device, const SamplerInfo& info);

}  // namespace demo
