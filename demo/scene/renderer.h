// Draws a scene into a picture of its own size, which present() then stretches over the window.
#pragma once

#include <memory>

#include "gpu/buffer.h"
#include "gpu/descriptors.h"
#include "gpu/frame_ring.h"
#include "gpu/image.h"
#include "gpu/pipeline.h"
#include "scene/model.h"

namespace demo {

struct View {
  Camera camera;
  float exposure = 0.9f, sunlight = 1.0f;
  float textureScale = 1.0f;  // repeats, relative to the scene's own
  float relief = 1.0f;
  int highlighted = -1;  // a surface, or -1
};

class SceneRenderer {
 public:
  /// `outputFormat`: of what present() draws to.
  SceneRenderer(const Device& device, const SceneModel& model, const TextureStore& textures, VkFormat outputFormat);
  ~SceneRenderer();
  SceneRenderer(const SceneRenderer&) = delete;
  SceneRenderer& operator=(const SceneRenderer&) = delete;

  /// The picture's size. The device must be idle.
  void resize(VkExtent2D size);
  VkExtent2D size() const { return color_->extent(); }
  /// Records the scene; `slot` is the frame's.
  void draw(VkCommandBuffer commands, std::uint32_t slot, const View& view);
  /// Draws the picture over all of the attachment that is being rendered to.
  void present(VkCommandBuffer commands, VkExtent2D output) const;

 private:
  void makeShadowMap(VkCommandBuffer commands);
  void drawObjects(VkCommandBuffer commands, std::uint32_t slot, const View& view) const;
  Mat4 fromSun() const;
  VkSampleCountFlagBits samples() const;

  const Device& device_;
  const SceneModel& model_;
  const TextureStore& textures_;
  Buffer vertices_, indices_;
  std::array<std::unique_ptr<Buffer>, FrameRing::kInFlight> uniforms_;
  VkSampler repeat_, clamp_, compare_;
  Descriptors sceneSets_, presentSet_;
  // Each variant of the surface's shader does no more than it must: [two textures][mirrors the sky][seen from behind].
  std::array<std::unique_ptr<Pipeline>, 8> surfaces_;
  Pipeline sky_, shadow_, present_;
  Image shadowMap_;
  std::unique_ptr<Image> color_, multisampled_, depth_;
  bool shadowMade_ = false;
};

}  // namespace demo
