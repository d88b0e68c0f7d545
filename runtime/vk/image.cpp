#include "vk/image.h"

#include <utility>

#include "core/error.h"
#include "vk/vma.h"

namespace rivulet::vk {

bool supportsImage(const Device& device, const ImageInfo& info) {
  VkImageFormatProperties properties{};
  const VkResult result = device.instanceFn().GetPhysicalDeviceImageFormatProperties(
      device.physicalDevice(), info.format, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL, info.usage, 0, &properties);
  if (result == VK_ERROR_FORMAT_NOT_SUPPORTED) return false;
  check(result, "vkGetPhysicalDeviceImageFormatProperties");
  return info.width <= properties.maxExtent.width && info.height <= properties.maxExtent.height &&
         info.mipLevels <= properties.maxMipLevels;
}

Image::Image(std::shared_ptr<Device> device, const ImageInfo& info, const std::string& name)
    : device_(std::move(device)), info_(info) {
  const std::string what = "image '" + name + "' of " + std::to_string(info.width) + "x" + std::to_string(info.height);
  if (!supportsImage(*device_, info)) {
    throw Error(ErrorCode::MissingFeature, what + ": '" + device_->caps().name + "' makes no such images of format " +
                                               std::to_string(static_cast<int>(info.format)));
  }
  VkImageCreateInfo create{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  create.imageType = VK_IMAGE_TYPE_2D;
  create.format = info.format;
  create.extent = {info.width, info.height, 1};
  create.mipLevels = info.mipLevels;
  create.arrayLayers = 1;
  create.samples = VK_SAMPLE_COUNT_1_BIT;
  create.tiling = VK_IMAGE_TILING_OPTIMAL;
  create.usage = info.usage;
  create.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  create.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
  VmaAllocationCreateInfo allocation{};
  allocation.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
  check(vmaCreateImage(device_->allocator(), &create, &allocation, &image_, &allocation_, nullptr), what.c_str());
  device_->setName(VK_OBJECT_TYPE_IMAGE, image_, name);
}

Image::~Image() {
  if (image_) vmaDestroyImage(device_->allocator(), image_, allocation_);
}

Image::Image(Image&& other) noexcept {
  *this = std::move(other);
}

Image& Image::operator=(Image&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(image_, other.image_);
  std::swap(allocation_, other.allocation_);
  std::swap(info_, other.info_);
  return *this;
}

std::uint64_t Image::allocatedSize() const {
  if (!allocation_) return 0;
  VmaAllocationInfo info{};
  vmaGetAllocationInfo(device_->allocator(), allocation_, &info);
  return info.size;
}

}  // namespace rivulet::vk
