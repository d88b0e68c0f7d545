// Images as the network sees them (docs/texture_unet.md "Whitening"): (x - mean) / deviation per channel, with the mean
// and deviation of the style vector, then turned into one luminance and two chroma axes. The palette is exact by
// construction, whatever the class, and luminance has the unit variance that the noise has, so that the levels t at
// which structure is decided are the same for a faint plaster and a bold tile.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "training/style.h"

namespace rivulet::training {

// Deviations below this are not blown up further: the picture is flat but for the noise of its eight bits.
inline constexpr double kWhiteningFloor = 0.03;

// The channels of a picture go up and down together: what is left of them beside their mean is small. Chroma is blown
// up by this, so that it is as far above the noise as luminance is, and the network's errors in it are that much
// smaller.
inline constexpr double kWhiteningChroma = 3.0;

inline float whiteningDeviation(const Style& style, std::size_t channel) {
  return std::max(style[3 + channel], static_cast<float>(kWhiteningFloor));
}

using Matrix3 = std::array<std::array<double, 3>, 3>;

// Channels (each of mean 0 and deviation 1) to [luminance, chroma 1, chroma 2].
Matrix3 opponentBasis();
// Its inverse.
Matrix3 inverseOpponentBasis();

// `pixels` is planar RGB, three planes of equal size, in [-1, 1]; the result likewise.
std::vector<float> whiten(std::vector<float> pixels, const Style& style);
std::vector<float> unwhiten(std::vector<float> whitened, const Style& style);

}  // namespace rivulet::training
