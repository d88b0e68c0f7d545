#pragma once

#include <QVulkanWindow>
#include <memory>
#include <vector>

#include "options.h"
#include "textures.h"

class Window;

/// A grid of quads, each with a texture of Rivulet's. There is nothing of Rivulet in it but `textures_`.
class Renderer : public QVulkanWindowRenderer {
 public:
  static constexpr int kColumns = 4, kRows = 2;
  static constexpr VkClearColorValue kBackground{{0.05f, 0.05f, 0.07f, 1.0f}};
  static constexpr int kMargin = 8;   // pixels around each quad
  static constexpr int kRepeats = 2;  // of the texture along each side of a quad: it tiles

  Renderer(Window& window, const Options& options) : window_(window), options_(options) {}

  void preInitResources() override;
  void initResources() override;
  void releaseSwapChainResources() override;
  void releaseResources() override;
  void logicalDeviceLost() override;
  void startNextFrame() override;

 private:
  void makeDescriptors();
  void makePipeline();
  VkShaderModule makeShader(const std::uint32_t* words, std::size_t count) const;
  void draw(VkCommandBuffer commands) const;

  Window& window_;
  Options options_;
  DeviceRequest request_;
  std::unique_ptr<Textures> textures_;  // null where it could not be made
  QVulkanDeviceFunctions* fn_ = nullptr;
  VkSampler sampler_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout setLayout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets_;  // one for each quad
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
};
