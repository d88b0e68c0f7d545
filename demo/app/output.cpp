#include "app/output.h"

namespace demo {
namespace {

class WindowOutput final : public Output {
 public:
  WindowOutput(const Device& device, const Window& window, VkSurfaceKHR surface, bool vsync)
      : device_(device), window_(window), swapchain_(device, surface, vsync) {
    valid_ = swapchain_.resize(window_.size());
  }

  VkFormat format() const override { return swapchain_.format(); }
  std::uint32_t imageCount() const override { return std::max(swapchain_.imageCount(), 2u); }
  VkExtent2D extent() const override { return swapchain_.extent(); }

  std::optional<OutputImage> acquire(const Frame& frame) override {
    const VkExtent2D size = window_.size();
    if (size.width == 0 || size.height == 0) return std::nullopt;
    if (size.width != swapchain_.extent().width || size.height != swapchain_.extent().height) valid_ = false;
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!valid_) {
        device_.waitIdle();
        valid_ = swapchain_.resize(size);
        if (!valid_) return std::nullopt;
      }
      valid_ = swapchain_.acquire(frame.acquired);
      if (valid_) return OutputImage{swapchain_.image(), swapchain_.view(), swapchain_.extent()};
    }
    return std::nullopt;  // it is being resized faster than we follow: the next frame tries again
  }

  ImageUse finalUse() const override { return kPresented; }

  void synchronise(const Frame& frame, std::vector<VkSemaphoreSubmitInfo>& waits,
                   std::vector<VkSemaphoreSubmitInfo>& signals) const override {
    VkSemaphoreSubmitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO};
    info.semaphore = frame.acquired;
    info.stageMask = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT;
    waits.push_back(info);
    info.semaphore = swapchain_.rendered();
    info.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
    signals.push_back(info);
  }

  void present() override { valid_ = swapchain_.present(); }

 private:
  const Device& device_;
  const Window& window_;
  Swapchain swapchain_;
  bool valid_ = false;
};

class OffscreenOutput final : public Output {
 public:
  OffscreenOutput(const Device& device, VkExtent2D extent) : image_(device, info(extent)) {}

  VkFormat format() const override { return image_.info().format; }
  std::uint32_t imageCount() const override { return 2; }
  VkExtent2D extent() const override { return image_.extent(); }
  std::optional<OutputImage> acquire(const Frame& /*frame*/) override {
    return OutputImage{image_.handle(), image_.view(), image_.extent()};
  }
  ImageUse finalUse() const override { return kCopySource; }
  void synchronise(const Frame& /*frame*/, std::vector<VkSemaphoreSubmitInfo>& /*waits*/,
                   std::vector<VkSemaphoreSubmitInfo>& /*signals*/) const override {}
  void present() override {}

 private:
  static ImageInfo info(VkExtent2D extent) {
    ImageInfo info;
    info.name = "output";
    info.extent = extent;
    info.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    return info;
  }
  Image image_;
};

}  // namespace

std::unique_ptr<Output> makeWindowOutput(const Device& device, const Window& window, VkSurfaceKHR surface, bool vsync) {
  return std::make_unique<WindowOutput>(device, window, surface, vsync);
}

std::unique_ptr<Output> makeOffscreenOutput(const Device& device, VkExtent2D extent) {
  return std::make_unique<OffscreenOutput>(device, extent);
}

}  // namespace demo
