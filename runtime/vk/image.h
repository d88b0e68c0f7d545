#pragma once
// A sampled image, and the memory that images share. Movable, freed on destruction: whoever destroys one makes sure
// that the device has finished with it.

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "vk/device.h"

struct VmaAllocation_T;

namespace rivulet::vk {

/// Two-dimensional, one layer, optimal tiling.
struct ImageInfo {
  std::uint32_t width = 0, height = 0, mipLevels = 1;
  VkFormat format = VK_FORMAT_UNDEFINED;
  VkImageUsageFlags usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
};

/// Whether the device makes such an image. Errors: out of memory. Thread-safety: any thread.
bool supportsImage(const Device& device, const ImageInfo& info);

/// What an image needs of memory. Images with equal requirements can take each other's place.
struct ImageRequirements {
  std::uint64_t bytes = 0;  // of each, a multiple of its alignment
  std::uint32_t memoryTypes = 0;
  auto operator<=>(const ImageRequirements&) const = default;  // NOLINT(modernize-use-nullptr): as in lane_graph.h
};

/// Allocates no device memory. Errors: MissingFeature when the device does not make such images; out of memory.
/// Thread-safety: any thread.
ImageRequirements imageRequirements(const Device& device, const ImageInfo& info);

/// An allocation that images of equal requirements lie in, side by side.
class ImageMemory {
 public:
  /// Errors: OutOfDeviceMemory with the name.
  ImageMemory(std::shared_ptr<Device> device, const ImageRequirements& requirements, std::uint32_t places,
              const std::string& name);
  ~ImageMemory();
  ImageMemory(const ImageMemory&) = delete;
  ImageMemory& operator=(const ImageMemory&) = delete;

  /// Bytes of device memory.
  std::uint64_t allocatedSize() const { return requirements_.bytes * places_; }

 private:
  friend class Image;
  std::shared_ptr<Device> device_;
  VmaAllocation_T* allocation_ = nullptr;
  ImageRequirements requirements_;
  std::uint32_t places_;
};

class Image {
 public:
  Image() = default;
  /// With memory of its own. Errors: OutOfDeviceMemory with the name; MissingFeature when the device does not make such
  /// images.
  Image(std::shared_ptr<Device> device, const ImageInfo& info, const std::string& name);
  /// At a place of memory made for its requirements, which it keeps alive. Nothing that still uses another image at
  /// that place may be running.
  Image(std::shared_ptr<Device> device, const ImageInfo& info, std::shared_ptr<const ImageMemory> memory,
        std::uint32_t place, const std::string& name);
  ~Image();
  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;

  explicit operator bool() const { return image_ != VK_NULL_HANDLE; }
  VkImage handle() const { return image_; }
  const ImageInfo& info() const { return info_; }

 private:
  std::shared_ptr<Device> device_;
  VkImage image_ = VK_NULL_HANDLE;
  std::shared_ptr<const ImageMemory> memory_;
  ImageInfo info_;
};

}  // namespace rivulet::vk
