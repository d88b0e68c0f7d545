// The window's images. Made anew when the window's size changes.
#pragma once

#include <memory>
#include <vector>

#include "gpu/device.h"

namespace demo {

class Swapchain {
 public:
  Swapchain(const Device& device, VkSurfaceKHR surface, bool vsync);
  ~Swapchain();
  Swapchain(const Swapchain&) = delete;
  Swapchain& operator=(const Swapchain&) = delete;

  /// Makes it for a window of this many pixels; the device must be idle. False for a window without an area.
  bool resize(VkExtent2D window);
  /// The next image, signalling `acquired`; false: the chain is out of date, resize() it.
  bool acquire(VkSemaphore acquired);
  /// Shows the acquired image when rendered() is signalled; false: out of date.
  bool present();

  VkExtent2D extent() const { return extent_; }
  VkFormat format() const { return format_.format; }
  std::uint32_t imageCount() const { return static_cast<std::uint32_t>(images_.size()); }
  VkImage image() const { return images_[current_].image; }
  VkImageView view() const { return images_[current_].view; }
  /// To be signalled by the frame that draws to the acquired image.
  VkSemaphore rendered() const { return images_[current_].rendered; }

 private:
  struct Target {
    VkImage image;
    VkImageView view;
    VkSemaphore rendered;
  };
  void chooseFormat();
  VkPresentModeKHR presentMode() const;
  void destroyImages();

  const Device& device_;
  VkSurfaceKHR surface_;
  bool vsync_;
  VkSurfaceFormatKHR format_{};
  VkSwapchainKHR handle_ = VK_NULL_HANDLE;
  VkExtent2D extent_{};
  std::vector<Target> images_;
  std::uint32_t current_ = 0;
};

}  // namespace demo
