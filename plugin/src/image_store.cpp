#include "image_store.h"

#include <algorithm>
#include <bit>

namespace rivulet::plugin {
namespace {

// Enough that thousands of small images are hundreds of allocations; little enough that a slab whose images are nearly
// all gone is no great waste.
constexpr std::uint64_t kSlabBytes = 1u << 20;
constexpr std::uint64_t kMostPlaces = 16;

std::uint64_t all(const ImageSlab& slab) {
  return (std::uint64_t{1} << slab.places) - 1;
}

}  // namespace

std::uint32_t ImageSlab::images() const {
  return static_cast<std::uint32_t>(std::popcount(used));
}

std::uint32_t ImageStore::mostPlaces(const vk::ImageRequirements& kind) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(kSlabBytes / kind.bytes, 1, kMostPlaces));
}

/// The fullest slab: others get a chance to empty.
ImageSlab* ImageStore::findFree(const vk::ImageRequirements& kind) const {
  ImageSlab* best = nullptr;
  for (const std::unique_ptr<ImageSlab>& slab : slabs_) {
    if (slab->kind != kind || slab->used == all(*slab)) continue;
    if (!best || slab->images() > best->images()) best = slab.get();
  }
  return best;
}

ImagePlace ImageStore::take(const vk::ImageRequirements& kind) {
  ImageSlab* const slab = findFree(kind);
  if (!slab) return {};
  const auto index = static_cast<std::uint32_t>(std::countr_one(slab->used));
  slab->used |= std::uint64_t{1} << index;
  return {slab, index};
}

ImagePlace ImageStore::add(std::unique_ptr<ImageSlab> slab) {
  slab->used = 1;
  slabs_.push_back(std::move(slab));
  return {slabs_.back().get(), 0};
}

std::unique_ptr<ImageSlab> ImageStore::giveBack(ImagePlace place) {
  place.slab->used &= ~(std::uint64_t{1} << place.index);
  if (place.slab->used != 0) return nullptr;
  const auto found =
      std::find_if(slabs_.begin(), slabs_.end(), [&](const auto& slab) { return slab.get() == place.slab; });
  std::unique_ptr<ImageSlab> empty = std::move(*found);
  slabs_.erase(found);
  return empty;
}

}  // namespace rivulet::plugin
