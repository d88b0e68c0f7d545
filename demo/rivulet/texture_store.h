// The textures of all surfaces, in one array image: two layers a surface, one that is shown and one that is being
// made. A new texture fades in as its previews come; it never pops.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gpu/image.h"
#include "gpu/readback.h"
#include "rivulet/generator.h"
#include "rivulet/material.h"

namespace demo {

struct Surface {
  std::string name;
  Material material;
  std::uint32_t steps = 0;  // 0: those of the quality set for all
  std::int32_t priority = 0;

  // The rest is the store's.
  rivulet::RequestHandle request;
  RvlRequestStatus status{};
  std::uint32_t shown = 0;  // 0 or 1: which of the two layers
  float mix = 0;            // how much of the other one has come
  bool wanted = false;      // a request is to be made
  bool made = false;        // there has been a texture
  std::uint32_t idleFrames = 0;
  std::uint64_t latencyUs = 0;
  std::uint64_t seedShown = 0;
  Style style{};  // of the texture there is
  std::string error;
};

class TextureStore {
 public:
  static constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_SRGB;

  TextureStore(const Device& device, std::uint32_t size, std::vector<Surface> surfaces);
  ~TextureStore();
  TextureStore(const TextureStore&) = delete;
  TextureStore& operator=(const TextureStore&) = delete;

  std::vector<Surface>& surfaces() { return surfaces_; }
  const std::vector<Surface>& surfaces() const { return surfaces_; }
  std::uint32_t size() const { return size_; }
  const Image& image() const { return image_; }
  /// A view of one surface's shown or coming layer, with encoded values, for the interface.
  VkImageView layerView(std::uint32_t layer) const { return views_[layer]; }
  std::uint32_t shownLayer(std::size_t surface) const;
  std::uint32_t comingLayer(std::size_t surface) const;

  /// Asks for a surface's material again; an unfinished request for it is dropped.
  void regenerate(std::size_t surface) { surfaces_[surface].wanted = true; }
  void regenerateAll();
  /// Drops an unfinished request, and what is shown of it.
  void cancel(std::size_t surface);

  /// Makes requests, follows them, moves the fades on by `seconds`.
  void update(Generator& generator, const Quality& quality, double seconds);
  /// Records once what the images are before there is a texture.
  void prepare(VkCommandBuffer commands);
  /// The shown texture of a surface. Waits for the device.
  Pixels read(std::size_t surface) const;
  /// Before the generator goes.
  void dropRequests();

  /// Requests that wait or run, and textures on their way in.
  std::size_t busy() const;
  /// True when nothing is wanted, made or faded.
  bool settled() const;

 private:
  void begin(Generator& generator, const Quality& quality, std::size_t index);
  void follow(Generator& generator, Surface& surface, double seconds);

  const Device& device_;
  std::uint32_t size_;
  std::vector<Surface> surfaces_;
  Image image_;
  std::vector<VkImageView> views_;
  bool prepared_ = false;
};

}  // namespace demo
