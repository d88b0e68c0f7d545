#include "gpu/image.h"

namespace demo {
namespace {

VkImageAspectFlags aspectOf(VkFormat format) {
  return format == VK_FORMAT_D32_SFLOAT ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
}

}  // namespace

Image::Image(const Device& device, const ImageInfo& info) : device_(device), info_(info) {
  const VkFormat formats[] = {info.format, info.otherFormat};
  VkImageFormatListCreateInfo list{VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO};
  list.viewFormatCount = 2;
  list.pViewFormats = formats;
  VkImageCreateInfo create{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  if (info.otherFormat != VK_FORMAT_UNDEFINED) {
    create.pNext = &list;
    create.flags = VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT;
  }
  create.imageType = VK_IMAGE_TYPE_2D;
  create.format = info.format;
  create.extent = {info.extent.width, info.extent.height, 1};
  create.mipLevels = info.mipLevels;
  create.arrayLayers = info.layers == 0 ? 1 : info.layers;
  create.samples = info.samples;
  create.usage = info.usage;
  VmaAllocationCreateInfo allocation{};
  allocation.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
  check(vmaCreateImage(device_.allocator(), &create, &allocation, &image_, &memory_, nullptr), "vmaCreateImage");
  device_.name(VK_OBJECT_TYPE_IMAGE, image_, info.name);

  VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  view.image = image_;
  view.viewType = info.layers == 0 ? VK_IMAGE_VIEW_TYPE_2D : VK_IMAGE_VIEW_TYPE_2D_ARRAY;
  view.format = info.format;
  view.subresourceRange = range();
  const VkResult result = device_.fn().CreateImageView(device_.handle(), &view, nullptr, &view_);
  if (result < 0) vmaDestroyImage(device_.allocator(), image_, memory_);
  check(result, "vkCreateImageView");
  device_.name(VK_OBJECT_TYPE_IMAGE_VIEW, view_, info.name);
}

Image::~Image() {
  device_.fn().DestroyImageView(device_.handle(), view_, nullptr);
  vmaDestroyImage(device_.allocator(), image_, memory_);
}

VkImageSubresourceRange Image::range() const {
  return {aspectOf(info_.format), 0, info_.mipLevels, 0, info_.layers == 0 ? 1 : info_.layers};
}

void imageBarrier(const Device& device, VkCommandBuffer commands, VkImage image, const VkImageSubresourceRange& range,
                  const ImageUse& from, const ImageUse& to) {
  VkImageMemoryBarrier2 barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2};
  barrier.srcStageMask = from.stages;
  barrier.srcAccessMask = from.access;
  barrier.oldLayout = from.layout;
  barrier.dstStageMask = to.stages;
  barrier.dstAccessMask = to.access;
  barrier.newLayout = to.layout;
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image;
  barrier.subresourceRange = range;
  VkDependencyInfo dependency{VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
  dependency.imageMemoryBarrierCount = 1;
  dependency.pImageMemoryBarriers = &barrier;
  device.fn().CmdPipelineBarrier2(commands, &dependency);
}

}  // namespace demo
