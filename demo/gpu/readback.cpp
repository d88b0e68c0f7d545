#include "gpu/readback.h"

#include <memory>
#include <stdexcept>
#include <utility>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>
#include <stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace demo {

Readback::Readback(const Device& device, VkExtent2D extent, VkFormat format)
    : device_(device),
      extent_(extent),
      format_(format),
      buffer_(device, VkDeviceSize{4} * extent.width * extent.height, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
              Buffer::Host::Reads, "pixels read back") {}

void Readback::record(VkCommandBuffer commands, VkImage image, std::uint32_t layer) const {
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, layer, 1};
  region.imageExtent = {extent_.width, extent_.height, 1};
  device_.fn().CmdCopyImageToBuffer(commands, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer_.handle(), 1,
                                    &region);
  VkMemoryBarrier2 barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER_2};
  barrier.srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT;
  barrier.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
  barrier.dstStageMask = VK_PIPELINE_STAGE_2_HOST_BIT;
  barrier.dstAccessMask = VK_ACCESS_2_HOST_READ_BIT;
  VkDependencyInfo dependency{VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
  dependency.memoryBarrierCount = 1;
  dependency.pMemoryBarriers = &barrier;
  device_.fn().CmdPipelineBarrier2(commands, &dependency);
}

Pixels Readback::read() const {
  const std::size_t count = std::size_t{extent_.width} * extent_.height;
  const std::uint8_t* const data = buffer_.read();
  Pixels pixels{extent_.width, extent_.height, {data, data + 4 * count}};
  const bool blueFirst = format_ == VK_FORMAT_B8G8R8A8_UNORM;
  for (std::size_t i = 0; i < count; ++i) {
    if (blueFirst) std::swap(pixels.rgba[4 * i], pixels.rgba[4 * i + 2]);
    pixels.rgba[4 * i + 3] = 255;
  }
  return pixels;
}

void writePng(const std::string& file, const Pixels& pixels) {
  if (!stbi_write_png(file.c_str(), static_cast<int>(pixels.width), static_cast<int>(pixels.height), 4,
                      pixels.rgba.data(), static_cast<int>(4 * pixels.width))) {
    throw std::runtime_error(file + " cannot be written: is the folder there, and writable?");
  }
}

Pixels readPicture(const std::string& file) {
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> data(stbi_load(file.c_str(), &width, &height, &channels, 4),
                                                       stbi_image_free);
  if (!data) throw std::runtime_error(file + " cannot be read as a picture: " + stbi_failure_reason());
  const std::size_t bytes = 4 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), {data.get(), data.get() + bytes}};
}

}  // namespace demo
