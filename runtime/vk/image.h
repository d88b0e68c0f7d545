#pragma once
// A sampled image with its memory (VMA). Movable, freed on destruction: whoever destroys one makes sure that the device
// has finished with it.

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

class Image {
 public:
  Image() = default;
  /// Errors: OutOfDeviceMemory with the name; MissingFeature when the device does not make such images.
  Image(std::shared_ptr<Device> device, const ImageInfo& info, const std::string& name);
  ~Image();
  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;

  explicit operator bool() const { return image_ != VK_NULL_HANDLE; }
  VkImage handle() const { return image_; }
  const ImageInfo& info() const { return info_; }
  /// Bytes of device memory behind the image.
  std::uint64_t allocatedSize() const;

 private:
  std::shared_ptr<Device> device_;
  VkImage image_ = VK_NULL_HANDLE;
  VmaAllocation_T* allocation_ = nullptr;
  ImageInfo info_;
};

}  // namespace rivulet::vk
