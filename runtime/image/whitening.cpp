#include "image/whitening.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

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

}  // namespace rivulet
