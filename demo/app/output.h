// Where frames go: the window, or an image nobody sees.
#pragma once

#include <memory>
#include <optional>

#include "app/window.h"
#include "gpu/frame_ring.h"
#include "gpu/image.h"
#include "gpu/swapchain.h"

namespace demo {

struct OutputImage {
  VkImage image = VK_NULL_HANDLE;
  VkImageView view = VK_NULL_HANDLE;
  VkExtent2D extent{};
};

class Output {
 public:
  virtual ~Output() = default;
  virtual VkFormat format() const = 0;
  virtual std::uint32_t imageCount() const = 0;
  virtual VkExtent2D extent() const = 0;
  /// The image to draw the next frame to; nothing where there is none now: a minimised window.
  virtual std::optional<OutputImage> acquire(const Frame& frame) = 0;
  /// What the image is left as by the frame.
  virtual ImageUse finalUse() const = 0;
  /// What the frame's submission waits for and signals.
  virtual void synchronise(const Frame& frame, std::vector<VkSemaphoreSubmitInfo>& waits,
                           std::vector<VkSemaphoreSubmitInfo>& signals) const = 0;
  virtual void present() = 0;
};

std::unique_ptr<Output> makeWindowOutput(const Device& device, const Window& window, VkSurfaceKHR surface, bool vsync);
std::unique_ptr<Output> makeOffscreenOutput(const Device& device, VkExtent2D extent);

}  // namespace demo
