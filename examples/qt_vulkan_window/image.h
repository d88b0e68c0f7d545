#pragma once

#include <QVulkanWindow>
#include <cstdint>

class QVulkanDeviceFunctions;

/// Throws std::runtime_error naming `what` unless the result is VK_SUCCESS.
void check(VkResult result, const char* what);

/// A square texture of the application's: image, memory, view. The device must be idle, or done with it, when it goes.
class Image {
 public:
  /// Encoded colours go through as they are, to a swap chain that is UNORM as well.
  static constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;

  /// Throws std::runtime_error.
  Image(const QVulkanWindow& window, std::uint32_t size);
  Image(Image&& other) noexcept;
  Image& operator=(Image&&) = delete;
  ~Image();

  /// Records that all of it is of one colour from here on, and leaves it in SHADER_READ_ONLY_OPTIMAL.
  void clear(VkCommandBuffer commands, const VkClearColorValue& colour) const;

  VkImage handle() const { return image_; }
  VkImageView view() const { return view_; }
  std::uint32_t mipLevels() const { return mipLevels_; }

 private:
  Image(VkDevice device, QVulkanDeviceFunctions* fn, std::uint32_t mipLevels);

  VkDevice device_;
  QVulkanDeviceFunctions* fn_;
  std::uint32_t mipLevels_;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
};
