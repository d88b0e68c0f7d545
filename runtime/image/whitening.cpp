#include "image/whitening.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace rivulet {

ColourMap colourMap(const Whitening& whitening, std::span<const float> style) {
  ColourMap map;
  if (whitening.floor <= 0) return map;
  if (whitening.chroma > 0) {
    const float r2 = 1.0f / (whitening.chroma * std::sqrt(2.0f)), r6 = 1.0f / (whitening.chroma * std::sqrt(6.0f));
    map.matrix = {1, r2, r6, 1, 0, -2 * r6, 1, -r2, r6};
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const float deviation = std::max(style[3 + c], whitening.floor);
    for (std::size_t i = 3 * c; i < 3 * c + 3; ++i) map.matrix[i] *= deviation;
    map.offset[c] = style[c];
  }
  return map;
}

void applyColourMap(const ColourMap& map, std::span<float> pixels) {
  const std::size_t area = pixels.size() / 3;
  const auto& m = map.matrix;
  for (std::size_t i = 0; i < area; ++i) {
    const std::array<float, 3> x = {pixels[i], pixels[area + i], pixels[2 * area + i]};
    for (std::size_t c = 0; c < 3; ++c) {
      pixels[c * area + i] = m[3 * c] * x[0] + m[3 * c + 1] * x[1] + m[3 * c + 2] * x[2] + map.offset[c];
    }
  }
}

ColourMap inverse(const ColourMap& map) {
  const auto& m = map.matrix;
  const auto cofactor = [&](std::size_t row, std::size_t column) {
    const std::size_t r1 = (row + 1) % 3, r2 = (row + 2) % 3, c1 = (column + 1) % 3, c2 = (column + 2) % 3;
    return double{m[3 * r1 + c1]} * double{m[3 * r2 + c2]} - double{m[3 * r1 + c2]} * double{m[3 * r2 + c1]};
  };
  const double determinant =
      double{m[0]} * cofactor(0, 0) + double{m[1]} * cofactor(0, 1) + double{m[2]} * cofactor(0, 2);
  if (!std::isfinite(1.0 / determinant)) {
    throw Error(ErrorCode::InvalidArgument, "a colour map whose matrix has no inverse: a channel does not vary");
  }
  ColourMap result;
  for (std::size_t row = 0; row < 3; ++row) {
    double offset = 0;
    for (std::size_t column = 0; column < 3; ++column) {
      const double value = cofactor(column, row) / determinant;
      result.matrix[3 * row + column] = static_cast<float>(value);
      offset -= value * double{map.offset[column]};
    }
    result.offset[row] = static_cast<float>(offset);
  }
  return result;
}

}  // namespace rivulet
