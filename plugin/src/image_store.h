#pragma once
// Memory for the images the plugin owns. Small ones lie side by side: a device has only some thousands of allocations
// to give, for the host's as well.

#include <cstdint>
#include <memory>
#include <vector>

#include "vk/image.h"

namespace rivulet::plugin {

/// One allocation with places for images of equal requirements.
struct ImageSlab {
  vk::ImageRequirements kind;
  std::shared_ptr<const vk::ImageMemory> memory;
  std::uint32_t places = 0;
  std::uint64_t used = 0;  // a bit for each place

  std::uint64_t bytes() const { return kind.bytes * places; }
  std::uint32_t images() const;
};

/// Where an image lies.
struct ImagePlace {
  ImageSlab* slab = nullptr;  // null: nowhere
  std::uint32_t index = 0;
  explicit operator bool() const { return slab != nullptr; }
};

/// An image of the plugin's, if there is one.
struct OwnedImage {
  vk::Image image;
  ImagePlace place;
  std::uint64_t bytes() const { return place ? place.slab->kind.bytes : 0; }
};

/// Thread-safety: its owner's lock. Only add() allocates.
class ImageStore {
 public:
  /// Places a new slab for such images has, at most: larger images have an allocation each.
  static std::uint32_t mostPlaces(const vk::ImageRequirements& kind);

  bool hasPlace(const vk::ImageRequirements& kind) const { return findFree(kind) != nullptr; }
  /// A place of a slab there is; none: one has to be added.
  ImagePlace take(const vk::ImageRequirements& kind);
  /// Takes the first place of a new slab.
  ImagePlace add(std::unique_ptr<ImageSlab> slab);
  /// Returns the slab where this was the last image in it: its memory can go.
  std::unique_ptr<ImageSlab> giveBack(ImagePlace place);

 private:
  ImageSlab* findFree(const vk::ImageRequirements& kind) const;

  std::vector<std::unique_ptr<ImageSlab>> slabs_;
};

}  // namespace rivulet::plugin
