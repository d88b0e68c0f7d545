#include "gpu/swapchain.h"

#include <algorithm>
#include <stdexcept>

namespace demo {

Swapchain::Swapchain(const Device& device, VkSurfaceKHR surface, bool vsync)
    : device_(device), surface_(surface), vsync_(vsync) {
  chooseFormat();
}

Swapchain::~Swapchain() {
  destroyImages();
  device_.fn().DestroySwapchainKHR(device_.handle(), handle_, nullptr);
}

void Swapchain::chooseFormat() {
  const Functions& fn = device_.fn();
  std::uint32_t count = 0;
  check(fn.GetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, nullptr),
        "vkGetPhysicalDeviceSurfaceFormatsKHR");
  std::vector<VkSurfaceFormatKHR> formats(count);
  check(fn.GetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, formats.data()),
        "vkGetPhysicalDeviceSurfaceFormatsKHR");
  // The shaders encode sRGB themselves, because Dear ImGui's colours are encoded already.
  for (const VkSurfaceFormatKHR& format : formats) {
    if (format.format == VK_FORMAT_B8G8R8A8_UNORM || format.format == VK_FORMAT_R8G8B8A8_UNORM) {
      format_ = format;
      return;
    }
  }
  throw std::runtime_error("the window takes neither B8G8R8A8_UNORM nor R8G8B8A8_UNORM images");
}

VkPresentModeKHR Swapchain::presentMode() const {
  if (vsync_) return VK_PRESENT_MODE_FIFO_KHR;
  const Functions& fn = device_.fn();
  std::uint32_t count = 0;
  check(fn.GetPhysicalDeviceSurfacePresentModesKHR(device_.physical(), surface_, &count, nullptr),
        "vkGetPhysicalDeviceSurfacePresentModesKHR");
  std::vector<VkPresentModeKHR> modes(count);
  check(fn.GetPhysicalDeviceSurfacePresentModesKHR(device_.physical(), surface_, &count, modes.data()),
        "vkGetPhysicalDeviceSurfacePresentModesKHR");
  for (const VkPresentModeKHR wanted : {VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_IMMEDIATE_KHR}) {
    if (std::find(modes.begin(), modes.end(), wanted) != modes.end()) return wanted;
  }
  return VK_PRESENT_MODE_FIFO_KHR;
}

bool Swapchain::resize(VkExtent2D window) {
  const Functions& fn = device_.fn();
  VkSurfaceCapabilitiesKHR surface{};
  check(fn.GetPhysicalDeviceSurfaceCapabilitiesKHR(device_.physical(), surface_, &surface),
        "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
  VkExtent2D extent = surface.currentExtent;
  if (extent.width == UINT32_MAX) {  // the surface is as large as its images
    extent = {std::clamp(window.width, surface.minImageExtent.width, surface.maxImageExtent.width),
              std::clamp(window.height, surface.minImageExtent.height, surface.maxImageExtent.height)};
  }
  if (extent.width == 0 || extent.height == 0) return false;

  VkSwapchainCreateInfoKHR info{VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR};
  info.surface = surface_;
  info.minImageCount = std::max(surface.minImageCount, 3u);
  if (surface.maxImageCount != 0) info.minImageCount = std::min(info.minImageCount, surface.maxImageCount);
  info.imageFormat = format_.format;
  info.imageColorSpace = format_.colorSpace;
  info.imageExtent = extent;
  info.imageArrayLayers = 1;
  info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                    (surface.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_SRC_BIT);  // for screenshots
  info.preTransform = surface.currentTransform;
  info.compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR;
  info.presentMode = presentMode();
  info.clipped = VK_TRUE;
  info.oldSwapchain = handle_;
  VkSwapchainKHR fresh = VK_NULL_HANDLE;
  check(fn.CreateSwapchainKHR(device_.handle(), &info, nullptr, &fresh), "vkCreateSwapchainKHR");
  destroyImages();
  fn.DestroySwapchainKHR(device_.handle(), handle_, nullptr);
  handle_ = fresh;
  extent_ = extent;
  device_.name(VK_OBJECT_TYPE_SWAPCHAIN_KHR, handle_, "the window's images");

  std::uint32_t count = 0;
  check(fn.GetSwapchainImagesKHR(device_.handle(), handle_, &count, nullptr), "vkGetSwapchainImagesKHR");
  std::vector<VkImage> images(count);
  check(fn.GetSwapchainImagesKHR(device_.handle(), handle_, &count, images.data()), "vkGetSwapchainImagesKHR");
  for (std::uint32_t i = 0; i < count; ++i) {
    Target& target = images_.emplace_back(Target{images[i], VK_NULL_HANDLE, VK_NULL_HANDLE});
    VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    view.image = images[i];
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = format_.format;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    check(fn.CreateImageView(device_.handle(), &view, nullptr, &target.view), "vkCreateImageView");
    const VkSemaphoreCreateInfo semaphore{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    check(fn.CreateSemaphore(device_.handle(), &semaphore, nullptr, &target.rendered), "vkCreateSemaphore");
    const std::string name = "window image " + std::to_string(i);
    device_.name(VK_OBJECT_TYPE_IMAGE, target.image, name);
    device_.name(VK_OBJECT_TYPE_IMAGE_VIEW, target.view, name);
    device_.name(VK_OBJECT_TYPE_SEMAPHORE, target.rendered, name + ", rendered");
  }
  return true;
}

void Swapchain::destroyImages() {
  for (const Target& target : images_) {
    device_.fn().DestroyImageView(device_.handle(), target.view, nullptr);
    device_.fn().DestroySemaphore(device_.handle(), target.rendered, nullptr);
  }
  images_.clear();
}

bool Swapchain::acquire(VkSemaphore acquired) {
  const VkResult result =
      device_.fn().AcquireNextImageKHR(device_.handle(), handle_, UINT64_MAX, acquired, VK_NULL_HANDLE, &current_);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) return false;
  check(result, "vkAcquireNextImageKHR");
  return true;
}

bool Swapchain::present() {
  const VkSemaphore rendered = images_[current_].rendered;
  VkPresentInfoKHR info{VK_STRUCTURE_TYPE_PRESENT_INFO_KHR};
  info.waitSemaphoreCount = 1;
  info.pWaitSemaphores = &rendered;
  info.swapchainCount = 1;
  info.pSwapchains = &handle_;
  info.pImageIndices = &current_;
  const VkResult result = device_.fn().QueuePresentKHR(device_.queue(), &info);
  if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR) return false;
  check(result, "vkQueuePresentKHR");
  return true;
}

}  // namespace demo
