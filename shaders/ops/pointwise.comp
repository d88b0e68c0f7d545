// Convolution of single pixels (1x1, stride 1) as a matrix product (ops/pointwise.h).
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   weights  [COLUMNS][I1 + I2][2][LANES] float; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,H,W,O] = (activation(product + bias + laneBias) + residual) * outputScale
//            UPSAMPLE: y [N,2H,2W,O], each pixel 2x2 times; no residual
//            SQUARES: [COLUMNS][plane] floats, for each pixel of y the sum over a column's channels of y^2, for an RMS norm
//
// A subgroup makes four pixels of a column of 2 * LANES outputs. A value of x is one for all of its lanes, and
// neighbouring weights are a vector (shared/uniform.glsl). A lane has the outputs 2 * lane and 2 * lane + 1 of the column,
// so that they are stored as one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int ACTIVATION = 0;
layout(constant_id = 4) const int CHANNELS1 = 8;    // of x, padded
layout(constant_id = 5) const int CHANNELS2 = 0;    // of x2
layout(constant_id = 6) const uint OUT_PAIRS = 8u;  // of y
layout(constant_id = 7) const int COLUMN_BITS = 4;
layout(constant_id = 8) const int SUBGROUP_BITS = 4;  // of their number in a workgroup
layout(constant_id = 9) const int GROUP_BITS = 4;     // of the workgroups along y
layout(constant_id = 10) const int OUTER_BITS = 0;    // and along z

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
  uint pixels;   // N * H * W
  uint area;     // H * W
  uint width;    // W
  uint groups;   // workgroups along y
  uint outputs;  // O, unpadded
  uint squares;
  uint plane;  // floats from one plane of squares to the next
  float outputScale;
} push;

#include "shared/uniform.glsl"

const int PIXELS = 4;
const int CHUNK = 8;  // channels between stores; 32 of them at most

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define ADD_FROM(lane) \
  if (lane < LANES) squares += subgroupBroadcast(mine, uint(lane));

#if RVL_F16
#define VALUE(address, k) unpackHalf2x16(UniformWords(address).v[(k) / 2])[(k) % 2]
#else
#define VALUE(address, k) UniformFloats(address).v[k]
#endif
#define ACCUMULATE(channels, from, first)                                                                             \
  [[unroll]] for (int chunk = 0; chunk < channels / CHUNK; ++chunk) {                                                 \
    [[unroll]] for (int i = 0; i < CHUNK; ++i) {                                                                      \
      const int k = chunk * CHUNK + i, at = (first + k) * 2 * LANES;                                                  \
      vec2 weight = vec2(laneFloats(weights, at), laneFloats(weights, at + LANES));                                   \
      [[unroll]] for (int p = 0; p < PIXELS; ++p) sum[p] += VALUE(from[p], k) * weight;                               \
    }                                                                                                                 \
    [[unroll]] for (int p = 0; p < PIXELS; ++p) {                                                                     \
      kept[2 * p] = sum[p].x;                                                                                         \
      kept[2 * p + 1] = sum[p].y;                                                                                     \
    }                                                                                                                 \
  }

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint column = uniformIndex(gl_WorkGroupID.x, COLUMN_BITS), subgroup = uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint group = uniformIndex(gl_WorkGroupID.z, OUTER_BITS) * push.groups + uniformIndex(gl_WorkGroupID.y, GROUP_BITS);
  uint first = (group << uint(SUBGROUP_BITS) | subgroup) * uint(PIXELS);
  const uint pixelBytes = RVL_F16 == 1 ? 2u : 4u;
  uint64_t from1[PIXELS], from2[PIXELS];
  [[unroll]] for (int p = 0; p < PIXELS; ++p) {
    uint pixel = min(first + uint(p), push.pixels - 1u);  // past the last the last again, which is not stored
    from1[p] = arenaAt(push.x) + uint64_t(pixel * (uint(CHANNELS1) * pixelBytes / 16u)) * 16ul;
    from2[p] = arenaAt(push.x2) + uint64_t(pixel * (uint(CHANNELS2) * pixelBytes / 16u)) * 16ul;
  }
  uint64_t weights = weightAt(push.weight) + uint64_t(column * uint((CHANNELS1 + CHANNELS2) * LANES / 2)) * 16ul;
  uint pixels = push.pixels, width = push.width, y = push.y, residual = push.residual, zero = push.identity[0];
  uint squaresOut = push.squares, plane = push.plane;
  float outputScale = push.outputScale;
  uint pair = column * uint(LANES) + lane;  // of outputs
  vec2 bias = weightF32Pair(push.bias, pair);
  vec2 laneBias[PIXELS];
  if (HAS_LANE_BIAS) {
    [[unroll]] for (int p = 0; p < PIXELS; ++p) {
      uint n = min(first + uint(p), pixels - 1u) / push.area, at = n * push.laneBiasStride + push.laneBiasAt;
      [[unroll]] for (uint j = 0u; j < 2u; ++j) {
        uint o = 2u * pair + j;
        float term = arenaF32(push.laneBias, at + min(o, push.outputs - 1u));
        laneBias[p][j] = o < push.outputs ? term : 0.0;
      }
    }
  }

  vec2 sum[PIXELS];
  [[unroll]] for (int p = 0; p < PIXELS; ++p) sum[p] = vec2(0.0);
  float kept[2 * PIXELS];
  ACCUMULATE(CHANNELS1, from1, 0)
  if (CHANNELS2 != 0) {
    ACCUMULATE(CHANNELS2, from2, CHANNELS1)
  }
  sum[0].x = kept[zero];

  [[unroll]] for (int p = 0; p < PIXELS; ++p) {
    uint pixel = first + uint(p);
    if (WHOLE || pixel < pixels) {
      uint to = pixel;
      if (UPSAMPLE) {
        uint row = pixel / width;
        to = 4u * row * width + 2u * (pixel - row * width);
      }
      uint below = to + 2u * width;
      vec2 both = sum[p] + bias;
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
        float mine = dot(both, both), squares = 0.0;  // made by all lanes in the same, fixed order
        LANES_8(ADD_FROM, 0)
        if (LANES > 8) { LANES_8(ADD_FROM, 8) }
        if (lane < (UPSAMPLE ? 4u : 1u)) {
          arenaF32Store(squaresOut, column * plane + ((lane & 2u) != 0u ? below : to) + (lane & 1u), squares);
        }
      }
    }
  }
}
