// Convolution as one run of code without a loop (ops/unrolled.h): 1x1, or 3x3 of few enough channels, stride 1 or 2. Of
// PARTS > 1 a workgroup sums an equal part of x's channels only, which ops/unrolled_sum.comp adds to the others'.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   weights  [COLUMNS][KERNEL * KERNEL][I1 + I2][VECTORS][LANES] float, then zeros, as many as there are channels of the
//            wider input; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,OH,OW,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//            UPSAMPLE, of 1x1 kernels: y [N,2H,2W,O], each pixel 2x2 times; no residual
//            SQUARES: [COLUMNS][plane] floats, for each pixel of y the sum over a column's channels of y^2, for an RMS norm
//            PARTS > 1: y [PARTS][N,OH,OW,O] float, the bare sums, a column in the order its lanes have it
//
// A subgroup makes eight vectors: PIXELS neighbours in a row (1x1: in memory) of a column of VECTORS * LANES outputs. A
// value of x is one for all of its lanes, and neighbouring weights are a vector (shared/uniform.glsl). Of two vectors a lane
// has the outputs 2 * lane and 2 * lane + 1, so that they are stored as one; of one vector half of the lanes get them last.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int KERNEL = 1;
layout(constant_id = 4) const int STRIDE = 1;
layout(constant_id = 5) const int PADDING = 0;  // ops::Padding
layout(constant_id = 6) const int ACTIVATION = 0;
layout(constant_id = 7) const int CHANNELS1 = 8;    // of x, padded
layout(constant_id = 8) const int CHANNELS2 = 0;    // of x2
layout(constant_id = 9) const uint OUT_PAIRS = 8u;  // of y
layout(constant_id = 10) const int VECTORS = 2;     // 1 or 2
layout(constant_id = 11) const int COLUMN_BITS = 4;
layout(constant_id = 12) const int SUBGROUP_BITS = 4;  // of their number in a workgroup
layout(constant_id = 13) const int GROUP_BITS = 4;     // of the workgroups along y
layout(constant_id = 14) const int OUTER_BITS = 0;     // and along z
layout(constant_id = 15) const int PARTS = 1;          // of the channels of x, if there is no x2

const bool HAS_RESIDUAL = (FLAGS & 1u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 2u) != 0u;
const bool UPSAMPLE = (FLAGS & 4u) != 0u;
const bool WHOLE = (FLAGS & 8u) != 0u;  // subgroups have no pixel too many
const bool SQUARES = (FLAGS & 16u) != 0u;

#define UNIFORM_BITS 3
layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint identity[8];
  uint x;
  uint x2;
  uint y;
  uint weight;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint inputSize;   // W | H << 16
  uint outputSize;  // OW | OH << 16
  uint rows;        // of pixels: N * OH; 1x1: 1
  uint rowPixels;   // OW; 1x1: N * H * W
  uint rowUnits;    // units of PIXELS pixels in a row
  uint groups;      // workgroups along y
  uint outputs;     // O, unpadded
  uint squares;
  uint plane;  // floats from one plane of squares to the next
  float outputScale;
} push;

#include "shared/uniform.glsl"

const int SUMS = 8;
const int PIXELS = SUMS / VECTORS;
const int READ_WIDTH = (PIXELS - 1) * STRIDE + KERNEL;
const int PAD_BEFORE = KERNEL == 3 && PADDING != 2 ? 1 : 0;
const bool MASKED = KERNEL == 3 && (PADDING == 1 || PADDING == 2);
const uint BYTES = RVL_F16 == 1 ? 2u : 4u;  // of a value
const int CHUNK = 8;                        // channels between stores; 32 of them at most
const int DEPTH = CHANNELS1 + CHANNELS2;
const int PART_CHANNELS = CHANNELS1 / PARTS;
const uint COLUMN_PAIRS = uint(VECTORS * LANES / 2);  // a lane stores one
const uint COLUMNS = OUT_PAIRS / COLUMN_PAIRS;

#define LANES_4(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3)
#define LANES_8(M, n) LANES_4(M, n) LANES_4(M, (n) + 4)
#define ADD_FROM(lane)                                                                                                \
  if (lane < int(COLUMN_PAIRS)) squares += subgroupBroadcast(mine, uint(lane));
#define PAIR_FROM(i)                                                                                                  \
  if (2 * (i) < LANES) {                                                                                              \
    vec2 neighbours = vec2(subgroupBroadcast(sum[p], uint(2 * (i))), subgroupBroadcast(sum[p], uint(2 * (i) + 1)));   \
    both = lane == uint(i) ? neighbours : both;                                                                       \
  }

#if RVL_F16
#define VALUE(address, k) unpackHalf2x16(UniformWords(address).v[(k) / 2])[(k) % 2]
#else
#define VALUE(address, k) UniformFloats(address).v[k]
#endif
#define ACCUMULATE(channels, from, first)                                                                             \
  [[unroll]] for (int chunk = 0; chunk < channels / CHUNK; ++chunk) {                                                 \
    [[unroll]] for (int i = 0; i < CHUNK; ++i) {                                                                      \
      const int k = chunk * CHUNK + i;                                                                                \
      [[unroll]] for (int q = 0; q < VECTORS; ++q) {                                                                  \
        weight[q] = laneFloats(weights, ((first + k) * VECTORS + q) * LANES);                                         \
      }                                                                                                               \
      [[unroll]] for (int p = 0; p < PIXELS; ++p) {                                                                   \
        float value = VALUE(from[p], k);                                                                              \
        [[unroll]] for (int q = 0; q < VECTORS; ++q) sum[q * PIXELS + p] += value * weight[q];                        \
      }                                                                                                               \
    }                                                                                                                 \
    [[unroll]] for (int s = 0; s < SUMS; ++s) kept[s] = sum[s];                                                       \
  }

// Coordinate of the input brought inside; `inside` says whether it was. Beyond the pixels that are kept it is anything.
uint coordinate(int i, int size, out bool inside) {
  inside = i >= 0 && i < size;
  if (KERNEL == 3 && PADDING == 0) {
    i += i < 0 ? size : 0;
    i -= i >= size ? size : 0;
  }
  return uint(clamp(i, 0, size - 1));
}

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint column = uniformIndex(gl_WorkGroupID.x, COLUMN_BITS), subgroup = uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint part = 0u;
  if (PARTS > 1) {
    part = quotient(column, COLUMNS);
    column -= part * COLUMNS;
  }
  uint group = uniformIndex(gl_WorkGroupID.z, OUTER_BITS) * push.groups + uniformIndex(gl_WorkGroupID.y, GROUP_BITS);
  uint rows = push.rows, rowPixels = push.rowPixels, rowUnits = push.rowUnits, outputs = push.outputs;
  uint width = push.inputSize & 0xffffu, height = push.inputSize >> 16;
  uint outWidth = push.outputSize & 0xffffu, outHeight = push.outputSize >> 16;
  uint unit = group << uint(SUBGROUP_BITS) | subgroup, row = quotient(unit, rowUnits);
  uint first = (unit - row * rowUnits) * uint(PIXELS);  // pixel of the row
  bool exists = row < rows;
  row = min(row, rows - 1u);  // past the last the last again, which is not stored
  uint n = quotient(row, outHeight);

  // Pixels of the input, by column and by row of the window.
  uint xs[READ_WIDTH], ys[KERNEL];
  bool insideX[READ_WIDTH], insideY[KERNEL];
  [[unroll]] for (int i = 0; i < READ_WIDTH; ++i) {
    xs[i] = min(first + uint(i), rowPixels - 1u);
    if (KERNEL == 3) xs[i] = coordinate(int(first) * STRIDE + i - PAD_BEFORE, int(width), insideX[i]);
  }
  [[unroll]] for (int i = 0; i < KERNEL; ++i) {
    ys[i] = row;
    if (KERNEL == 3) {
      int y = int(row - n * outHeight) * STRIDE + i - PAD_BEFORE;
      uint inImage = coordinate(y, int(height), insideY[i]);
      ys[i] = (n * height + inImage) * width;
    }
  }
  uint64_t from1 = arenaAt(push.x), from2 = arenaAt(push.x2), weights = weightAt(push.weight);
  const uint columnUnits = uint(KERNEL * KERNEL * DEPTH * VECTORS * LANES / 4);  // of 16 bytes
  uint y = push.y, residual = push.residual, zero = push.identity[0], squaresOut = push.squares, plane = push.plane;
  uint64_t zeros = weights + uint64_t(zero + COLUMNS * columnUnits) * 16ul;
  weights += uint64_t(column * columnUnits) * 16ul;
  if (PARTS > 1) {
    from1 += uint64_t(part * (uint(PART_CHANNELS) * BYTES / 16u)) * 16ul;
    weights += uint64_t(part * uint(PART_CHANNELS * VECTORS * LANES / 4)) * 16ul;
  }
  float outputScale = push.outputScale;
  uint pair = column * COLUMN_PAIRS + lane;  // of outputs
  uint known = VECTORS == 2 ? pair : min(pair, OUT_PAIRS - 1u);
  vec2 bias = weightF32Pair(push.bias, known);
  vec2 laneBias[PIXELS];
  if (HAS_LANE_BIAS) {
    [[unroll]] for (int p = 0; p < PIXELS; ++p) {
      uint image = KERNEL == 3 ? n : min(first + uint(p), rowPixels - 1u) / (outWidth * outHeight);
      uint at = image * push.laneBiasStride + push.laneBiasAt;
      [[unroll]] for (uint j = 0u; j < 2u; ++j) {
        uint o = 2u * known + j;
        float term = arenaF32(push.laneBias, at + min(o, outputs - 1u));
        laneBias[p][j] = o < outputs ? term : 0.0;
      }
    }
  }

  float sum[SUMS], kept[SUMS], weight[VECTORS];
  [[unroll]] for (int s = 0; s < SUMS; ++s) sum[s] = 0.0;
  [[unroll]] for (int ky = 0; ky < KERNEL; ++ky) {
    [[unroll]] for (int kx = 0; kx < KERNEL; ++kx) {
      uint64_t pixels1[PIXELS], pixels2[PIXELS];
      [[unroll]] for (int p = 0; p < PIXELS; ++p) {
        const int i = p * STRIDE + kx;
        uint pixel = KERNEL == 3 ? ys[ky] + xs[i] : xs[i];
        pixels1[p] = from1 + uint64_t(pixel * (uint(CHANNELS1) * BYTES / 16u)) * 16ul;
        pixels2[p] = from2 + uint64_t(pixel * (uint(CHANNELS2) * BYTES / 16u)) * 16ul;
        if (MASKED) {
          bool inside = insideY[ky] && insideX[i];
          pixels1[p] = inside ? pixels1[p] : zeros;
          pixels2[p] = inside ? pixels2[p] : zeros;
        }
      }
      const int before = (ky * KERNEL + kx) * DEPTH;
      ACCUMULATE(PART_CHANNELS, pixels1, before)
      if (CHANNELS2 != 0) {
        const int before2 = before + CHANNELS1;
        ACCUMULATE(CHANNELS2, pixels2, before2)
      }
    }
  }
  sum[0] = kept[zero];

  [[unroll]] for (int p = 0; p < PIXELS; ++p) {
    vec2 both = vec2(sum[p], sum[(VECTORS - 1) * PIXELS + p]);
    if (VECTORS == 1) {
      LANES_4(PAIR_FROM, 0)
      if (LANES > 8) { LANES_4(PAIR_FROM, 4) }
    }
    bool stored = WHOLE || (exists && first + uint(p) < rowPixels);
    if (VECTORS == 1) stored = stored && lane < COLUMN_PAIRS;
    if (stored && PARTS > 1) {
      arenaF32PairStore(y, ((part * rows + row) * rowPixels + first + uint(p)) * OUT_PAIRS + pair, both);
    } else if (stored) {
      uint to = row * rowPixels + first + uint(p);
      if (UPSAMPLE) {
        uint imageRow = to / outWidth;
        to = 4u * imageRow * outWidth + 2u * (to - imageRow * outWidth);
      }
      uint below = to + 2u * outWidth;
      both += bias;
      if (HAS_LANE_BIAS) both += laneBias[p];
      both = vec2(activate1(ACTIVATION, both.x), activate1(ACTIVATION, both.y));
      if (HAS_RESIDUAL) both += arenaPair(residual, to * OUT_PAIRS + pair);
      both *= outputScale;
      arenaPairStore(y, to * OUT_PAIRS + pair, both);
      if (UPSAMPLE) {
        arenaPairStore(y, (to + 1u) * OUT_PAIRS + pair, both);
        arenaPairStore(y, below * OUT_PAIRS + pair, both);
        arenaPairStore(y, (below + 1u) * OUT_PAIRS + pair, both);
      }
      if (SQUARES) {
        float mine = dot(both, both), squares = 0.0;  // made by all lanes that have some, in the same, fixed order
        LANES_8(ADD_FROM, 0)
        if (LANES > 8) { LANES_8(ADD_FROM, 8) }
        if (lane < (UPSAMPLE ? 4u : 1u)) {
          arenaF32Store(squaresOut, column * plane + ((lane & 2u) != 0u ? below : to) + (lane & 1u), squares);
        }
      }
    }
  }
}
