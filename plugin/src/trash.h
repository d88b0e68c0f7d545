#pragma once
// GPU objects on their way out. They are destroyed outside the context's lock; until then their memory counts.

#include <cstdint>
#include <memory>
#include <vector>

#include "batch.h"
#include "image_store.h"
#include "model.h"
#include "vk/buffer.h"
#include "vk/image.h"

namespace rivulet::plugin {

struct Trash {
  std::vector<vk::Image> images;
  std::vector<std::unique_ptr<ImageSlab>> slabs;
  std::vector<vk::Buffer> buffers;
  std::vector<std::unique_ptr<Batch>> batches;
  std::vector<std::unique_ptr<WeightSet>> sets;
  std::vector<std::shared_ptr<Model>> models;

  /// Room for more than a frame ever finishes: recording does not allocate.
  void reserve() {
    constexpr std::size_t kRoom = 4096;
    images.reserve(kRoom);
    slabs.reserve(kRoom);
    buffers.reserve(kRoom);
  }
  bool empty() const {
    return images.empty() && slabs.empty() && buffers.empty() && batches.empty() && sets.empty() && models.empty();
  }
  /// Bytes of the context's memory that destroying it frees.
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& slab : slabs) sum += slab->bytes();
    for (const vk::Buffer& buffer : buffers) sum += buffer.allocatedSize();
    for (const auto& batch : batches) sum += batch->bytes();
    for (const auto& set : sets) sum += set->bytes();
    for (const auto& model : models)
      for (const auto& set : model->sets) sum += set->bytes();
    return sum;
  }
  void put(OwnedImage&& owned, ImageStore& store) {
    images.push_back(std::move(owned.image));
    if (auto slab = store.giveBack(owned.place)) slabs.push_back(std::move(slab));
    owned.place = {};
  }
  /// Images before the memory they are in, networks before the weights they read.
  void destroy() {
    images.clear();
    slabs.clear();
    buffers.clear();
    batches.clear();
    sets.clear();
    models.clear();
  }
};

}  // namespace rivulet::plugin
