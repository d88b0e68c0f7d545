#pragma once
// Counter-based noise: a pure function of (seed, stream, step, texel, channel), the same bits on every device.
// shaders/shared/philox.glsl is the one source of the arithmetic; the counter layout is documented there.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rivulet {

/// What a draw is for. Streams of one seed are independent. Values match RVL_STREAM_* in philox.glsl.
enum class NoiseStream : std::uint32_t { Initial = 0, Step = 1, StyleChoice = 2, Mask = 3 };

/// Names one image's worth of noise. `step` is below 65536.
struct NoiseKey {
  std::uint64_t seed = 0;
  NoiseStream stream = NoiseStream::Initial;
  std::uint32_t step = 0;
};

/// A rectangle of texels in world coordinates; any integers, negative ones included.
struct NoiseRegion {
  std::int32_t x = 0, y = 0;
  std::uint32_t width = 0, height = 0;
};

/// Philox4x32-10 (Salmon et al., SC 2011): four words from a 128-bit counter and a 64-bit key. Thread-safe.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// The four words behind channels 4 quad .. 4 quad + 3 of texel (x, y). Thread-safe.
std::array<std::uint32_t, 4> noiseBits(const NoiseKey& key, std::int32_t x, std::int32_t y, std::uint32_t quad);

/// Four independent draws of N(0, 1): channels 4 quad .. 4 quad + 3 of texel (x, y). Multiples of 2^-21, |value|
/// < 6.67. Integer Box-Muller: bit-identical to rvlNoise in philox.glsl whatever the compiler's flags. Thread-safe.
std::array<float, 4> noiseQuad(const NoiseKey& key, std::int32_t x, std::int32_t y, std::uint32_t quad);

/// Box-Muller on two given words; what noiseQuad does with each half of its draw.
std::array<float, 2> gaussianPair(std::uint32_t bits0, std::uint32_t bits1);

/// Fills `out`, laid out [height][width][stride] with `channels` values used of each `stride`, with N(0, 1); the
/// padding (channel >= channels) becomes 0. Throws InvalidArgument when `out` is smaller than that or channels >
/// stride.
void fillNoise(const NoiseKey& key, const NoiseRegion& region, std::size_t channels, std::size_t stride,
               std::span<float> out);

}  // namespace rivulet
