// Winograd convolution, first of three kernels: the input transform B^T d B of F(4x4, 3x3) (ops/winograd.h).
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   norm     activation((x * s * gamma + beta) * (1 + scale) + shift), s = 1 / sqrt((squares + squares2) / I + epsilon)
//            squares: [N*H*W] floats, the sums over channels of x^2; scale, shift: slices of modulation [N,1,1,M] float
//   output   v [36][tiles, padded to 4][I] float
//
// An invocation makes both channels of a pair for one tile. Where the channels fill subgroups, all invocations of one
// have the same tile: each then reads a few of the window's 36 pixel scales and broadcasts them.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;  // one subgroup
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const int PADDING = 0;  // ops::Padding: all but ZeroAfter
layout(constant_id = 3) const uint FLAGS = 0u;
layout(constant_id = 4) const int ACTIVATION = 0;

const bool HAS_X2 = (FLAGS & 1u) != 0u;
const bool HAS_NORM = (FLAGS & 2u) != 0u;
const bool HAS_BETA = (FLAGS & 4u) != 0u;
const bool HAS_MODULATION = (FLAGS & 8u) != 0u;
const bool ONE_TILE = (FLAGS & 16u) != 0u;   // in a subgroup
const bool EXACT_GRID = (FLAGS & 32u) != 0u;  // no workgroup too many

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint v;
  uint squares;
  uint squares2;
  uint gamma;
  uint beta;
  uint modulation;
  uint modulationStride;
  uint scaleAt;
  uint shiftAt;
  uint size;       // W | H << 16
  uint tilesWide;
  uint tilesHigh;
  uint tiles;      // N * tilesHigh * tilesWide
  uint rows;       // tiles, padded
  uint pairs1;     // padded channels of x / 2
  uint pairs2;     // of x2
  uint channels1;  // unpadded
  uint channels;   // of both, unpadded
  float epsilon;
  uint groups;  // of the whole dispatch along x (shared/tensor.glsl)
} push;

const int WINDOW = 6;
const int AREA = WINDOW * WINDOW;
const int READS = (AREA + LANES - 1) / LANES;  // of a lane, for the pixel scales of one tile

// Coordinate of the input brought inside; `inside` becomes 0 where zero padding is read.
int coordinate(int i, int size, out float inside) {
  inside = 1.0;
  if (PADDING == 0) {
    i += i < 0 ? size : 0;
    i -= i >= size ? size : 0;
    return min(i, size - 1);  // only for pixels that are not kept
  }
  inside = i >= 0 && i < size ? 1.0 : 0.0;
  return clamp(i, 0, size - 1);
}

void transform(inout vec2 d0, inout vec2 d1, inout vec2 d2, inout vec2 d3, inout vec2 d4, inout vec2 d5) {
  vec2 a = d4 - 4.0 * d2, b = d3 - 4.0 * d1, c = d4 - d2, e = 2.0 * (d3 - d1);
  d0 = 4.0 * (d0 - d2) + (d4 - d2);
  d5 = 4.0 * (d1 - d3) + (d5 - d3);
  d1 = a + b;
  d2 = a - b;
  d3 = c + e;
  d4 = c - e;
}

float pixelScale(uint pixel) {
  float sum = arenaF32(push.squares, pixel);
  if (HAS_X2) sum += arenaF32(push.squares2, pixel);
  return 1.0 / sqrt(sum / float(push.channels) + push.epsilon);
}

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
// The driver unrolls a loop only where its condition compares the counter alone.
#define SCALE_FROM(lane)                                                                               \
  if (lane < LANES) {                                                                                  \
    [[unroll]] for (int g = 0; g < READS; ++g) {                                                       \
      if (g * LANES + lane < AREA) scales[g * LANES + lane] = subgroupBroadcast(read[g], uint(lane));  \
    }                                                                                                  \
  }

void main() {
  uint pairs = push.pairs1 + (HAS_X2 ? push.pairs2 : 0u);
  uint group = gl_WorkGroupID.y * push.groups + gl_WorkGroupID.x;
  if (!EXACT_GRID && group * LANES >= push.rows * pairs) return;
  uint item = group * LANES + gl_LocalInvocationID.x;
  uint row = item / pairs, pair = item % pairs;
  uint tile = min(row, push.tiles - 1u);
  int tileX = int(tile % push.tilesWide), tileY = int(tile / push.tilesWide % push.tilesHigh);
  uint n = tile / (push.tilesWide * push.tilesHigh);
  int width = int(push.size & 0xffffu), height = int(push.size >> 16);

  uint xs[WINDOW], ys[WINDOW];
  float insideX[WINDOW], insideY[WINDOW];
  [[unroll]] for (int i = 0; i < WINDOW; ++i) {
    xs[i] = uint(coordinate(4 * tileX - 1 + i, width, insideX[i]));
    ys[i] = (n * uint(height) + uint(coordinate(4 * tileY - 1 + i, height, insideY[i]))) * uint(width);
  }

  bool second = HAS_X2 && pair >= push.pairs1;
  uint stride = second ? push.pairs2 : push.pairs1;
  uint local = second ? pair - push.pairs1 : pair;
  uint base = second ? push.x2 : push.x;
  vec2 d[AREA];
  [[unroll]] for (int i = 0; i < AREA; ++i) {
    d[i] = arenaPair(base, (ys[i / WINDOW] + xs[i % WINDOW]) * stride + local);
  }

  if (HAS_NORM) {
    float scales[AREA];
    if (ONE_TILE) {
      float read[READS];
      int lane = int(gl_SubgroupInvocationID);
      [[unroll]] for (int g = 0; g < READS; ++g) {
        int i = min(g * LANES + lane, AREA - 1);
        float ignored;
        uint px = uint(coordinate(4 * tileX - 1 + i % WINDOW, width, ignored));
        uint py = uint(coordinate(4 * tileY - 1 + i / WINDOW, height, ignored));
        read[g] = pixelScale((n * uint(height) + py) * uint(width) + px);
      }
      LANES_8(SCALE_FROM, 0)
      if (LANES > 8) { LANES_8(SCALE_FROM, 8) }
      if (LANES > 16) { LANES_8(SCALE_FROM, 16) LANES_8(SCALE_FROM, 24) }
      if (LANES > 32) { LANES_8(SCALE_FROM, 32) }
    } else {
      [[unroll]] for (int i = 0; i < AREA; ++i) scales[i] = pixelScale(ys[i / WINDOW] + xs[i % WINDOW]);
    }
    // Padding channels have no parameters; what they become only has to be finite: their weights are zero.
    vec2 gain, shift = vec2(0.0);
    [[unroll]] for (int j = 0; j < 2; ++j) {
      uint c = min((second ? push.channels1 : 0u) + 2u * local + uint(j), push.channels - 1u);
      gain[j] = weightF32(push.gamma, c);
      if (HAS_BETA) shift[j] = weightF32(push.beta, c);
      if (HAS_MODULATION) {
        uint m = n * push.modulationStride + c;
        float scale = 1.0 + arenaF32(push.modulation, m + push.scaleAt);
        gain[j] *= scale;
        shift[j] = shift[j] * scale + arenaF32(push.modulation, m + push.shiftAt);
      }
    }
    [[unroll]] for (int i = 0; i < AREA; ++i) {
      vec2 value = d[i] * scales[i] * gain + shift;
      d[i] = vec2(activate1(ACTIVATION, value.x), activate1(ACTIVATION, value.y));
    }
  }
  if (PADDING == 1) {
    [[unroll]] for (int i = 0; i < AREA; ++i) d[i] *= insideY[i / WINDOW] * insideX[i % WINDOW];
  }

  [[unroll]] for (int i = 0; i < WINDOW; ++i) {
    transform(d[i], d[WINDOW + i], d[2 * WINDOW + i], d[3 * WINDOW + i], d[4 * WINDOW + i], d[5 * WINDOW + i]);
  }
  [[unroll]] for (int i = 0; i < AREA; i += WINDOW) {
    transform(d[i], d[i + 1], d[i + 2], d[i + 3], d[i + 4], d[i + 5]);
  }
  [[unroll]] for (int i = 0; i < AREA; ++i) arenaF32PairStore(push.v, (uint(i) * push.rows + row) * pairs + pair, d[i]);
}
