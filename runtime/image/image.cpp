#include "image/image.h"

#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {
namespace {

std::uint8_t byteOf(float value) {
  const float scaled = std::round(127.5f * (value + 1.0f));
  if (!(scaled > 0.0f)) return 0;  // NaN too
  return scaled >= 255.0f ? std::uint8_t{255} : static_cast<std::uint8_t>(scaled);
}

}  // namespace

void checkImage(const Image& image) {
  const std::string size =
      std::to_string(image.width) + "x" + std::to_string(image.height) + "x" + std::to_string(image.channels);
  if (image.width == 0 || image.height == 0)
    throw Error(ErrorCode::InvalidArgument, "an image of " + size + " has no pixels");
  if (image.channels < 1 || image.channels > 4) {
    throw Error(ErrorCode::InvalidArgument, "an image of " + size + ": expected 1 to 4 channels");
  }
  if (image.pixels.size() / image.rowBytes() != image.height || image.pixels.size() % image.rowBytes() != 0) {
    throw Error(ErrorCode::InvalidArgument,
                "an image of " + size + " has " + std::to_string(image.pixels.size()) + " bytes");
  }
}

Image imageFromChw(std::span<const float> chw, std::uint32_t channels, std::uint32_t height, std::uint32_t width) {
  if (channels < 1 || channels > 4) {
    throw Error(ErrorCode::InvalidArgument,
                "a picture has 1 to 4 channels, the network's result has " + std::to_string(channels));
  }
  const std::size_t plane = std::size_t{height} * width;
  if (chw.size() != plane * channels) {
    throw Error(ErrorCode::InvalidArgument, "expected " + std::to_string(plane * channels) + " values for " +
                                                std::to_string(width) + "x" + std::to_string(height) + "x" +
                                                std::to_string(channels) + ", got " + std::to_string(chw.size()));
  }
  Image image{width, height, channels, std::vector<std::uint8_t>(chw.size())};
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) image.pixels[i * channels + c] = byteOf(chw[c * plane + i]);
  }
  return image;
}

std::vector<float> chwFromImage(const Image& image) {
  checkImage(image);
  const std::size_t plane = std::size_t{image.height} * image.width;
  std::vector<float> chw(plane * image.channels);
  for (std::size_t c = 0; c < image.channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      chw[c * plane + i] = static_cast<float>(image.pixels[i * image.channels + c]) / 127.5f - 1.0f;
    }
  }
  return chw;
}

}  // namespace rivulet
