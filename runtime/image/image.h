#pragma once
// A picture on the host: 8 bits a channel, rows from the top, interleaved, sRGB as files and screens mean it.

#include <cstdint>
#include <span>
#include <vector>

namespace rivulet {

struct Image {
  std::uint32_t width = 0, height = 0;
  std::uint32_t channels = 3;  // 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
  std::vector<std::uint8_t> pixels;

  std::size_t rowBytes() const { return std::size_t{width} * channels; }
};

/// One image of a network's result. `chw` [channels,height,width], values in [-1, 1] (clamped); byte = round(127.5 (v +
/// 1)), halves away from zero; a NaN becomes 0. Errors: InvalidArgument when `channels` is not 1 to 4 or the size does
/// not match.
Image imageFromChw(std::span<const float> chw, std::uint32_t channels, std::uint32_t height, std::uint32_t width);

/// byte b → b / 127.5 - 1; [channels,height,width].
std::vector<float> chwFromImage(const Image& image);

/// Errors of whoever takes an Image: InvalidArgument when its size is zero or does not match its pixels.
void checkImage(const Image& image);

}  // namespace rivulet
