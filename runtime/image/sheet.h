#pragma once
// Pictures made of pictures: contact sheets and repeated tiles.

#include <array>
#include <cstdint>
#include <span>

#include "image/image.h"

namespace rivulet {

struct SheetOptions {
  std::uint32_t columns = 0;  // 0: as square as it gets
  std::uint32_t gap = 2;      // pixels between and around the images
  std::array<std::uint8_t, 4> background{255, 255, 255, 255};
};

/// Images row by row, in cells of the largest width and height, each at its cell's top left.
/// Errors: InvalidArgument when there are none or their channels differ; checkImage.
Image contactSheet(std::span<const Image> images, const SheetOptions& options = {});

/// The image repeated `across` × `down`, edges touching: seams show. Errors: InvalidArgument when one is zero;
/// checkImage.
Image tiled(const Image& image, std::uint32_t across, std::uint32_t down);

}  // namespace rivulet
