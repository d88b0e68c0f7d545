// A 2D image, or an array of them, with memory and a view of all of it.
#pragma once

#include <string>

#include "gpu/device.h"

namespace demo {

struct ImageInfo {
  std::string name;
  VkExtent2D extent{};
  VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  VkImageUsageFlags usage = 0;
  std::uint32_t mipLevels = 1;
  std::uint32_t layers = 0;  // 0: no array
  VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
  VkFormat otherFormat = VK_FORMAT_UNDEFINED;  // in which views may be made as well
};

class Image {
 public:
  Image(const Device& device, const ImageInfo& info);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  VkImage handle() const { return image_; }
  VkImageView view() const { return view_; }
  VkExtent2D extent() const { return info_.extent; }
  const ImageInfo& info() const { return info_; }
  /// Every mip level and layer.
  VkImageSubresourceRange range() const;

 private:
  const Device& device_;
  ImageInfo info_;
  VkImage image_ = VK_NULL_HANDLE;
  VmaAllocation memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
};

/// What a barrier goes from or to.
struct ImageUse {
  VkPipelineStageFlags2 stages;
  VkAccessFlags2 access;
  VkImageLayout layout;
};
constexpr ImageUse kUndefined{VK_PIPELINE_STAGE_2_NONE, VK_ACCESS_2_NONE, VK_IMAGE_LAYOUT_UNDEFINED};
constexpr ImageUse kColorTarget{VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                                VK_ACCESS_2_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT,
                                VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
constexpr ImageUse kDepthTarget{
    VK_PIPELINE_STAGE_2_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_2_LATE_FRAGMENT_TESTS_BIT,
    VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
    VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL};
constexpr ImageUse kSampled{VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT, VK_ACCESS_2_SHADER_SAMPLED_READ_BIT,
                            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
constexpr ImageUse kCopySource{VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_READ_BIT,
                               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
constexpr ImageUse kCleared{VK_PIPELINE_STAGE_2_CLEAR_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                            VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL};
constexpr ImageUse kPresented{VK_PIPELINE_STAGE_2_NONE, VK_ACCESS_2_NONE, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR};

void imageBarrier(const Device& device, VkCommandBuffer commands, VkImage image, const VkImageSubresourceRange& range,
                  const ImageUse& from, const ImageUse& to);
inline constexpr VkImageSubresourceRange kWholeColor{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};

}  // namespace demo
