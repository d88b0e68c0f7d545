#pragma once
// The style vector: what is global about a texture, measured on a picture (docs/texture_unet.md, "The style vector").

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/image.h"

namespace rivulet {

inline constexpr std::size_t kStyleSize = 10;
/// Mean R G B; standard deviation R G B; three log band energies, fine to coarse; log ratio of horizontal to vertical
/// gradients.
using Style = std::array<float, kStyleSize>;

/// RGB, interleaved, rows from the top, values in [-1, 1].
struct FloatImage {
  std::uint32_t width = 0, height = 0;
  std::vector<float> rgb;
};

/// byte b → b / 127.5 - 1. Grey becomes RGB, alpha is dropped. Errors: InvalidArgument (checkImage).
FloatImage floatImage(const Image& image);

/// Each result pixel is the mean of the rectangle it covers, with fractions at the borders. Only shrinks.
/// Errors: InvalidArgument when a side would grow or become zero.
FloatImage areaAverage(const FloatImage& image, std::uint32_t width, std::uint32_t height);

/// Measures the picture as it is. Errors: InvalidArgument below 8×8 pixels: the third band would be empty.
Style measureStyle(const FloatImage& image);

/// What generation is conditioned on: a picture whose shorter side is above 120 pixels is area-averaged until that side
/// is 120, the other keeping the proportion (rounded); then measured. Pure. Errors: InvalidArgument, as above.
Style styleOf(const Image& image);

}  // namespace rivulet
