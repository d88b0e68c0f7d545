// Dear ImGui in this renderer: input from the window where there is one, drawn into the frame.
#pragma once

#include <imgui.h>

#include <map>
#include <string>

#include "gpu/device.h"
#include "rivulet/texture_store.h"

struct GLFWwindow;

namespace demo {

class Interface {
 public:
  /// `window`: null without one.
  Interface(const Device& device, GLFWwindow* window, VkFormat outputFormat, std::uint32_t imageCount);
  ~Interface();
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  /// Between these, panels are drawn. `scale`: of everything.
  void begin(VkExtent2D size, double seconds, float scale);
  void end();
  void draw(VkCommandBuffer commands) const;

  /// One layer of the textures as an ImGui image that repeats.
  ImTextureID texture(const TextureStore& store, std::uint32_t layer);
  /// Before a store goes; the device must be idle.
  void forgetTextures();

 private:
  const Device& device_;
  bool window_;
  float scale_ = 0;
  VkSampler sampler_ = VK_NULL_HANDLE;
  std::map<VkImageView, VkDescriptorSet> textures_;
};

}  // namespace demo
