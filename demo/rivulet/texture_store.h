// The textures of all surfaces, in one array image: three layers a surface. One is shown, one fades in as its previews
// come or once it is complete, and of an animated surface the next one is made in the third meanwhile. Nothing pops.
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
  std::uint32_t shown = 0;    // 0 to 2: which of the layers
  float mix = 0;              // how much of the next one has come
  bool fading = false;        // that one is complete
  double fadeSeconds = 0;     // from nothing of it to all of it
  double makingSeconds = 0;   // of the latest textures of an animation, a mean
  double requestSeconds = 0;  // since the request was made
  bool flowing = false;       // the request is a step of an animation
  bool wanted = false;        // a request is to be made
  bool made = false;          // there has been a texture
  std::uint32_t idleFrames = 0;
  std::uint64_t latencyUs = 0;
  std::uint64_t seedShown = 0;
  Style style{};  // of the texture there is
  std::uint32_t stepsMade = 0;
  std::string error;
};

/// How many steps a texture gets.
std::uint32_t stepsFor(const Model& model, const Quality& quality);

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
  /// Asks for the next texture of an animation; false while one is in the making. It comes without previews and fades
  /// in over as long as they have taken, while the one after it is made.
  bool flow(std::size_t surface);
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
  const Style* styleOf(const Material& material) const;
  void fade(Surface& surface, double seconds);
  void follow(Generator& generator, Surface& surface, double seconds);

  const Device& device_;
  std::uint32_t size_;
  std::vector<Surface> surfaces_;
  Image image_;
  std::vector<VkImageView> views_;
  bool prepared_ = false;
};

}  // namespace demo
