#pragma once
// The way from one seed's noise to another's, on which every place is noise as well: what animates a texture.

#include <cstdint>
#include <span>

#include "core/philox.h"

namespace rivulet {

/// A place between two seeds. `blend` 0: `seed` alone, 1: `second` alone.
struct NoiseWalk {
  std::uint64_t seed = 0, second = 0;
  float blend = 0;
};

/// How much of each seed's noise there is at a place.
struct NoiseWeights {
  double first = 1, second = 0;
};

/// Spherical interpolation (Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3) with a
/// right angle between the two, which independent noises have in expectation: cos and sin of `blend` quarter turns.
/// first² + second² = 1, so the sum has the variance of either, at each texel by itself: no sum over a whole image
/// decides, and a texture still tiles and comes out the same in pieces. Exact at 0 and 1. Thread-safe.
NoiseWeights noiseWeights(float blend);

/// fillNoise() of both seeds, streams NoiseStream::Initial, weighted: what noise.comp computes, before its own scale.
/// Errors: as fillNoise(). Thread-safe.
void fillNoise(const NoiseWalk& walk, const NoiseRegion& region, std::size_t channels, std::size_t stride,
               std::span<float> out);

}  // namespace rivulet
