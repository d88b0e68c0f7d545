// Images as the network sees them: (x - mean) / deviation per channel, with the mean and deviation of the style vector.
// The palette is then exact by construction, whatever the class, and every image has the unit variance that the noise
// has, so that the levels t at which structure is decided are the same for a faint plaster and a bold tile.
#pragma once

#include <algorithm>

#include "training/style.h"

namespace rivulet::training {

// Deviations below this are not blown up further: the picture is flat but for the noise of its eight bits.
inline constexpr float kWhiteningFloor = 0.03f;

inline float whiteningDeviation(const Style& style, std::size_t channel) {
  return std::max(style[3 + channel], kWhiteningFloor);
}

}  // namespace rivulet::training
