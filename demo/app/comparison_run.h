// Makes one texture with 1, 2, 4, 8 and 50 steps, one after the other, and measures how far each is from the last.
#pragma once

#include <memory>

#include "panels/comparison.h"
#include "rivulet/texture_store.h"

namespace demo {

class ComparisonRun {
 public:
  explicit ComparisonRun(const Device& device) : device_(device) {}

  /// What the panel shows and asks for.
  Comparison& shown() { return shown_; }
  /// Begins one, if it is asked for; the device must be idle then, since the images of the last one go.
  bool wanted() const { return shown_.wanted; }
  void begin(const Material& material, std::uint32_t size);
  void update(Generator& generator, const Quality& quality, double seconds);
  void prepare(VkCommandBuffer commands);
  /// Everything of it goes: before the context does, or the device.
  void reset();

 private:
  void measure();

  const Device& device_;
  std::unique_ptr<TextureStore> textures_;
  Comparison shown_;
};

}  // namespace demo
