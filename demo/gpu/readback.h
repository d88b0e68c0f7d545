// Copies an image into memory, and writes PNG files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/buffer.h"

namespace demo {

struct Pixels {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> rgba;
};

class Readback {
 public:
  Readback(const Device& device, VkExtent2D extent, VkFormat format);
  /// Records the copy; the image is in TRANSFER_SRC_OPTIMAL.
  void record(VkCommandBuffer commands, VkImage image, std::uint32_t layer = 0) const;
  /// Once the submission has finished: opaque RGBA.
  Pixels read() const;

 private:
  const Device& device_;
  VkExtent2D extent_;
  VkFormat format_;
  Buffer buffer_;
};

/// Throws std::runtime_error naming the file.
void writePng(const std::string& file, const Pixels& pixels);
/// Reads a picture of any common format.
Pixels readPicture(const std::string& file);

}  // namespace demo
