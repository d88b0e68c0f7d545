#include "image/sheet.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {
namespace {

Image blank(std::uint64_t width, std::uint64_t height, std::uint32_t channels) {
  constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;
  if (width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels) {
    throw Error(ErrorCode::InvalidArgument, "a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                                                " is too large, expected at most 2^28 pixels");
  }
  Image image{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), channels, {}};
  image.pixels.resize(image.rowBytes() * image.height);
  return image;
}

void paste(const Image& source, Image& target, std::size_t left, std::size_t top) {
  for (std::size_t y = 0; y < source.height; ++y) {
    const auto* row = source.pixels.data() + y * source.rowBytes();
    std::copy(row, row + source.rowBytes(),
              target.pixels.data() + (top + y) * target.rowBytes() + left * target.channels);
  }
}

}  // namespace

Image contactSheet(std::span<const Image> images, const SheetOptions& options) {
  if (images.empty()) throw Error(ErrorCode::InvalidArgument, "a contact sheet needs at least one image");
  std::uint32_t width = 0, height = 0;
  for (const Image& image : images) {
    checkImage(image);
    if (image.channels != images[0].channels) {
      throw Error(ErrorCode::InvalidArgument, "a contact sheet's images have " + std::to_string(images[0].channels) +
                                                  " and " + std::to_string(image.channels) +
                                                  " channels, expected the same");
    }
    width = std::max(width, image.width);
    height = std::max(height, image.height);
  }
  const std::size_t columns = options.columns != 0
                                  ? options.columns
                                  : static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(images.size()))));
  const std::size_t rows = (images.size() + columns - 1) / columns;
  const std::uint64_t cellWidth = std::uint64_t{width} + options.gap, cellHeight = std::uint64_t{height} + options.gap;
  Image sheet = blank(columns * cellWidth + options.gap, rows * cellHeight + options.gap, images[0].channels);
  for (std::size_t i = 0; i < sheet.pixels.size(); ++i) sheet.pixels[i] = options.background[i % sheet.channels];
  for (std::size_t i = 0; i < images.size(); ++i) {
    paste(images[i], sheet, static_cast<std::size_t>(i % columns * cellWidth + options.gap),
          static_cast<std::size_t>(i / columns * cellHeight + options.gap));
  }
  return sheet;
}

Image tiled(const Image& image, std::uint32_t across, std::uint32_t down) {
  checkImage(image);
  if (across == 0 || down == 0) {
    throw Error(ErrorCode::InvalidArgument,
                "an image is repeated at least 1x1 times, not " + std::to_string(across) + "x" + std::to_string(down));
  }
  Image result = blank(std::uint64_t{image.width} * across, std::uint64_t{image.height} * down, image.channels);
  for (std::size_t y = 0; y < down; ++y) {
    for (std::size_t x = 0; x < across; ++x) paste(image, result, x * image.width, y * image.height);
  }
  return result;
}

}  // namespace rivulet
