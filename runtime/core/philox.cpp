#include "core/philox.h"

#include <algorithm>
#include <bit>
#include <string>

#include "core/error.h"

namespace rivulet {
namespace {

// The few GLSL names that philox.glsl uses, so that one source serves both languages.
using uint = std::uint32_t;
using std::min;

struct uvec2 {
  uint x, y;
  uvec2(uint x_, uint y_) : x(x_), y(y_) {}
};
struct uvec4 {
  uint x, y, z, w;
  uvec4(uint x_, uint y_, uint z_, uint w_) : x(x_), y(y_), z(z_), w(w_) {}
};
struct ivec2 {
  int x, y;
  ivec2(int x_, int y_) : x(x_), y(y_) {}
};
struct ivec4 {
  int x, y, z, w;
  ivec4(int x_, int y_, int z_, int w_) : x(x_), y(y_), z(z_), w(w_) {}
};

int findMSB(uint value) {
  return 31 - std::countl_zero(value);
}

#include "shared/philox.glsl"

static_assert(RVL_STREAM_INITIAL == static_cast<uint>(NoiseStream::Initial));
static_assert(RVL_STREAM_STEP == static_cast<uint>(NoiseStream::Step));
static_assert(RVL_STREAM_STYLE == static_cast<uint>(NoiseStream::StyleChoice));
static_assert(RVL_STREAM_MASK == static_cast<uint>(NoiseStream::Mask));

constexpr float kFixedPoint = 1.0f / 2097152.0f;

uvec2 seedWords(std::uint64_t seed) {
  return uvec2(static_cast<uint>(seed), static_cast<uint>(seed >> 32));
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  const uvec4 r = rvlPhilox(uvec4(counter[0], counter[1], counter[2], counter[3]), uvec2(key[0], key[1]));
  return {r.x, r.y, r.z, r.w};
}

std::array<std::uint32_t, 4> noiseBits(const NoiseKey& key, std::int32_t x, std::int32_t y, std::uint32_t quad) {
  const uvec4 r = rvlNoiseBits(seedWords(key.seed), static_cast<uint>(key.stream), key.step, x, y, quad);
  return {r.x, r.y, r.z, r.w};
}

std::array<float, 4> noiseQuad(const NoiseKey& key, std::int32_t x, std::int32_t y, std::uint32_t quad) {
  const ivec4 r = rvlNoiseFixed(seedWords(key.seed), static_cast<uint>(key.stream), key.step, x, y, quad);
  return {static_cast<float>(r.x) * kFixedPoint, static_cast<float>(r.y) * kFixedPoint,
          static_cast<float>(r.z) * kFixedPoint, static_cast<float>(r.w) * kFixedPoint};
}

std::array<float, 2> gaussianPair(std::uint32_t bits0, std::uint32_t bits1) {
  const ivec2 r = rvlGaussianPair(bits0, bits1);
  return {static_cast<float>(r.x) * kFixedPoint, static_cast<float>(r.y) * kFixedPoint};
}

void fillNoise(const NoiseKey& key, const NoiseRegion& region, std::size_t channels, std::size_t stride,
               std::span<float> out) {
  const std::size_t texels = static_cast<std::size_t>(region.width) * region.height;
  if (channels > stride || out.size() < texels * stride) {
    throw Error(ErrorCode::InvalidArgument,
                "fillNoise: " + std::to_string(region.width) + "x" + std::to_string(region.height) + " texels of " +
                    std::to_string(channels) + " channels (stride " + std::to_string(stride) + ") do not fit in " +
                    std::to_string(out.size()) + " floats");
  }
  float* texel = out.data();
  for (std::uint32_t row = 0; row < region.height; ++row) {
    for (std::uint32_t column = 0; column < region.width; ++column, texel += stride) {
      // Wrap-around is intended: world coordinates are two's complement words of the counter.
      const auto x = static_cast<std::int32_t>(static_cast<std::uint32_t>(region.x) + column);
      const auto y = static_cast<std::int32_t>(static_cast<std::uint32_t>(region.y) + row);
      for (std::size_t c = 0; c < stride; ++c) texel[c] = 0.0f;
      for (std::size_t c = 0; c < channels; c += 4) {
        const auto quad = noiseQuad(key, x, y, static_cast<std::uint32_t>(c / 4));
        for (std::size_t i = 0; i < 4 && c + i < channels; ++i) texel[c + i] = quad[i];
      }
    }
  }
}

}  // namespace rivulet
