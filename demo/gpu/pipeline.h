// A graphics pipeline with its layout, for dynamic rendering.
#pragma once

#include <string>
#include <vector>

#include "gpu/device.h"

namespace demo {

/// A shader's SPIR-V, as the build embeds it.
struct Shader {
  const std::uint32_t* words = nullptr;
  std::size_t count = 0;
};

struct PipelineInfo {
  std::string name;
  Shader vertex, fragment;  // without a fragment shader only depth is written
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  std::uint32_t pushConstantBytes = 0;
  std::uint32_t vertexStride = 0;  // 0: no vertex buffer
  std::vector<VkVertexInputAttributeDescription> attributes;
  VkFormat colorFormat = VK_FORMAT_UNDEFINED;
  VkFormat depthFormat = VK_FORMAT_UNDEFINED;
  VkCullModeFlags cull = VK_CULL_MODE_NONE;
  VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
  bool depthBias = false;
  std::vector<std::uint32_t> constants;  // specialisation constants 0, 1, ... of both stages
};

class Pipeline {
 public:
  Pipeline(const Device& device, const PipelineInfo& info);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  VkPipelineLayout layout() const { return layout_; }
  void bind(VkCommandBuffer commands) const;

 private:
  void create(const PipelineInfo& info, VkShaderModule vertex, VkShaderModule fragment);

  const Device& device_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
};

/// The viewport and the scissor rectangle, over all of `extent`.
void setViewport(const Device& device, VkCommandBuffer commands, VkExtent2D extent);

}  // namespace demo
