#include "image.h"

#include <QVulkanFunctions>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

void check(VkResult result, const char* what) {
  if (result != VK_SUCCESS) throw std::runtime_error(std::string(what) + " failed: " + std::to_string(result));
}

Image::Image(VkDevice device, QVulkanDeviceFunctions* fn, std::uint32_t mipLevels)
    : device_(device), fn_(fn), mipLevels_(mipLevels) {}

// Delegates first: the destructor then cleans up after a call that fails.
Image::Image(const QVulkanWindow& window, std::uint32_t size)
    : Image(window.device(), window.vulkanInstance()->deviceFunctions(window.device()),
            static_cast<std::uint32_t>(std::bit_width(size))) {
  VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
  info.imageType = VK_IMAGE_TYPE_2D;
  info.format = kFormat;
  info.extent = {size, size, 1};
  info.mipLevels = mipLevels_;
  info.arrayLayers = 1;
  info.samples = VK_SAMPLE_COUNT_1_BIT;
  info.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;  // the latter for the plugin
  check(fn_->vkCreateImage(device_, &info, nullptr, &image_), "vkCreateImage");

  // Not QVulkanWindow::deviceLocalMemoryIndex(): this image need not be allowed there.
  VkMemoryRequirements needs;
  fn_->vkGetImageMemoryRequirements(device_, image_, &needs);
  VkPhysicalDeviceMemoryProperties memory;
  window.vulkanInstance()->functions()->vkGetPhysicalDeviceMemoryProperties(window.physicalDevice(), &memory);
  auto type = static_cast<std::uint32_t>(std::countr_zero(needs.memoryTypeBits));
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const bool local = memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    if (local && (needs.memoryTypeBits >> i & 1)) {
      type = i;
      break;
    }
  }
  VkMemoryAllocateInfo allocation{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  allocation.allocationSize = needs.size;
  allocation.memoryTypeIndex = type;
  check(fn_->vkAllocateMemory(device_, &allocation, nullptr, &memory_), "vkAllocateMemory");
  check(fn_->vkBindImageMemory(device_, image_, memory_, 0), "vkBindImageMemory");

  VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
  view.image = image_;
  view.viewType = VK_IMAGE_VIEW_TYPE_2D;
  view.format = kFormat;
  view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, mipLevels_, 0, 1};
  check(fn_->vkCreateImageView(device_, &view, nullptr, &view_), "vkCreateImageView");
}

Image::Image(Image&& other) noexcept
    : device_(other.device_),
      fn_(other.fn_),
      mipLevels_(other.mipLevels_),
      image_(std::exchange(other.image_, VK_NULL_HANDLE)),
      memory_(std::exchange(other.memory_, VK_NULL_HANDLE)),
      view_(std::exchange(other.view_, VK_NULL_HANDLE)) {}

Image::~Image() {
  fn_->vkDestroyImageView(device_, view_, nullptr);
  fn_->vkDestroyImage(device_, image_, nullptr);
  fn_->vkFreeMemory(device_, memory_, nullptr);
}

void Image::clear(VkCommandBuffer commands, const VkClearColorValue& colour) const {
  VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
  barrier.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
  barrier.image = image_;
  barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, mipLevels_, 0, 1};
  fn_->vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr,
                            0, nullptr, 1, &barrier);
  fn_->vkCmdClearColorImage(commands, image_, barrier.newLayout, &colour, 1, &barrier.subresourceRange);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
  barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  barrier.newLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
  fn_->vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT, 0, 0,
                            nullptr, 0, nullptr, 1, &barrier);
}
