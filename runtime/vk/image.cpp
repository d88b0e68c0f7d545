#include "vk/image.h"

#include <utility>

#include "core/error.h"
#include "vk/vma.h"

namespace rivulet::vk {
namespace {

std::string describe(const ImageInfo& info, const std::string& name) {
  return "image '" + name + "' of " + std::to_string(info.width) + "x" + std::to_string(info.height);
}

/// Without memory. `what` names it in errors.
VkImage create(const Device& device, const ImageInfo& info, const std::string& what) {
  if (!supportsImage(device, info)) {
    throw Error(ErrorCode::MissingFeature, what + ": '" + device.caps().name + "' makes no such images of format " +
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
  VkImage image = VK_NULL_HANDLE;
  check(device.fn().CreateImage(device.handle(), &create, nullptr, &image), what.c_str());
  return image;
}

ImageRequirements requirementsOf(const Device& device, VkImage image) {
  VkMemoryRequirements required{};
  device.fn().GetImageMemoryRequirements(device.handle(), image, &required);
  ImageRequirements result;
  result.bytes = (required.size + required.alignment - 1) / required.alignment * required.alignment;
  result.memoryTypes = required.memoryTypeBits;
  return result;
}

}  // namespace

bool supportsImage(const Device& device, const ImageInfo& info) {
  VkImageFormatProperties properties{};
  const VkResult result = device.instanceFn().GetPhysicalDeviceImageFormatProperties(
      device.physicalDevice(), info.format, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL, info.usage, 0, &properties);
  if (result == VK_ERROR_FORMAT_NOT_SUPPORTED) return false;
  check(result, "vkGetPhysicalDeviceImageFormatProperties");
  return info.width <= properties.maxExtent.width && info.height <= properties.maxExtent.height &&
         info.mipLevels <= properties.maxMipLevels;
}

ImageRequirements imageRequirements(const Device& device, const ImageInfo& info) {
  const VkImage image = create(device, info, describe(info, "to ask for its size"));
  const ImageRequirements result = requirementsOf(device, image);
  device.fn().DestroyImage(device.handle(), image, nullptr);
  return result;
}

ImageMemory::ImageMemory(std::shared_ptr<Device> device, const ImageRequirements& requirements, std::uint32_t places,
                         const std::string& name)
    : device_(std::move(device)), requirements_(requirements), places_(places) {
  const std::string what = "memory of " + std::to_string(allocatedSize()) + " bytes for '" + name + "'";
  VkMemoryRequirements required{};
  required.size = allocatedSize();
  required.alignment = 1;  // an allocation of its own begins at its offset 0, whatever the alignment asked for
  required.memoryTypeBits = requirements.memoryTypes;
  VmaAllocationCreateInfo allocation{};
  allocation.flags = VMA_ALLOCATION_CREATE_DEDICATED_MEMORY_BIT;
  allocation.preferredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  check(vmaAllocateMemory(device_->allocator(), &required, &allocation, &allocation_, nullptr), what.c_str());
}

ImageMemory::~ImageMemory() {
  vmaFreeMemory(device_->allocator(), allocation_);
}

Image::Image(std::shared_ptr<Device> device, const ImageInfo& info, const std::string& name)
    : Image(device, info, std::make_shared<ImageMemory>(device, imageRequirements(*device, info), 1, name), 0, name) {}

Image::Image(std::shared_ptr<Device> device, const ImageInfo& info, std::shared_ptr<const ImageMemory> memory,
             std::uint32_t place, const std::string& name)
    : device_(std::move(device)), memory_(std::move(memory)), info_(info) {
  const std::string what = describe(info, name);
  const VkImage image = create(*device_, info, what);
  if (requirementsOf(*device_, image) != memory_->requirements_) {
    device_->fn().DestroyImage(device_->handle(), image, nullptr);
    throw Error(ErrorCode::Internal, what + " was given memory made for another kind of image");
  }
  VmaAllocationInfo allocated{};
  vmaGetAllocationInfo(device_->allocator(), memory_->allocation_, &allocated);
  const VkDeviceSize offset = allocated.offset + place * memory_->requirements_.bytes;
  const VkResult bound = device_->fn().BindImageMemory(device_->handle(), image, allocated.deviceMemory, offset);
  if (bound != VK_SUCCESS) device_->fn().DestroyImage(device_->handle(), image, nullptr);
  check(bound, what.c_str());
  image_ = image;
  device_->setName(VK_OBJECT_TYPE_IMAGE, image_, name);
}

Image::~Image() {
  if (image_) device_->fn().DestroyImage(device_->handle(), image_, nullptr);
}

Image::Image(Image&& other) noexcept {
  *this = std::move(other);
}

Image& Image::operator=(Image&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(image_, other.image_);
  std::swap(memory_, other.memory_);
  std::swap(info_, other.info_);
  return *this;
}

}  // namespace rivulet::vk
