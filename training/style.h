// The style vector of docs/texture_unet.md: ten numbers measured on a whole image.
#pragma once

#include <array>
#include <vector>

namespace rivulet::training {

inline constexpr int kStyleSize = 10;
using Style = std::array<float, kStyleSize>;

// An RGB image, interleaved, rows from the top, values in [-1, 1].
struct ImageF {
  int width = 0;
  int height = 0;
  std::vector<float> rgb;
};

// Measures `image` as it is (no scaling). Needs at least 8x8 pixels, so that each of the three bands has one.
Style measureStyle(const ImageF& image);

// Exchanging the axes (a rotation by 90 degrees) turns the gradient ratio over and leaves the rest; flips leave all.
Style transposedStyle(Style style);

}  // namespace rivulet::training
