// The sums of ops/unrolled.comp's PARTS added up, and what is done to a convolution's sum (ops/unrolled.h).
//
//   sums     [PARTS][N,OH,OW,O] float; added in their order
//   bias O floats, padded; laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,OH,OW,O] = (activation(sums + bias + laneBias) + residual) * outputScale
//            SQUARES: [COLUMNS][plane] floats, for each pixel of y the sum over a column's channels of y^2, for an RMS norm
//
// A subgroup makes a column of 2 * LANES outputs of one pixel; a lane has two neighbours.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int PARTS = 2;
layout(constant_id = 4) const int ACTIVATION = 0;
layout(constant_id = 5) const uint OUT_PAIRS = 8u;  // of y

const bool HAS_RESIDUAL = (FLAGS & 1u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 2u) != 0u;
const bool SQUARES = (FLAGS & 16u) != 0u;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint sums;
  uint y;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint pixels;       // N * OH * OW
  uint imagePixels;  // OH * OW
  uint groups;       // workgroups along y
  uint outputs;      // O, unpadded
  uint squares;
  uint plane;  // floats from one plane of squares to the next
  float outputScale;
} push;

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define ADD_FROM(lane) \
  if (lane < LANES) squares += subgroupBroadcast(mine, uint(lane));

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint pixel = (gl_WorkGroupID.z * push.groups + gl_WorkGroupID.y) * gl_NumSubgroups + gl_SubgroupID;
  if (pixel >= push.pixels) return;
  uint pair = gl_WorkGroupID.x * uint(LANES) + lane, at = pixel * OUT_PAIRS + pair;
  vec2 sum = arenaF32Pair(push.sums, at);
  [[unroll]] for (int part = 1; part < PARTS; ++part) {
    sum += arenaF32Pair(push.sums, uint(part) * push.pixels * OUT_PAIRS + at);
  }
  sum += weightF32Pair(push.bias, pair);
  if (HAS_LANE_BIAS) {
    uint from = pixel / push.imagePixels * push.laneBiasStride + push.laneBiasAt;
    [[unroll]] for (uint j = 0u; j < 2u; ++j) {
      uint o = 2u * pair + j;
      float term = arenaF32(push.laneBias, from + min(o, push.outputs - 1u));
      sum[j] += o < push.outputs ? term : 0.0;
    }
  }
  sum = vec2(activate1(ACTIVATION, sum.x), activate1(ACTIVATION, sum.y));
  if (HAS_RESIDUAL) sum += arenaPair(push.residual, at);
  sum *= push.outputScale;
  arenaPairStore(push.y, at, sum);
  if (SQUARES) {
    float mine = dot(sum, sum), squares = 0.0;  // made by all lanes in the same, fixed order
    LANES_8(ADD_FROM, 0)
    if (LANES > 8) { LANES_8(ADD_FROM, 8) }
    if (lane == 0u) arenaF32Store(push.squares, gl_WorkGroupID.x * push.plane + pixel, squares);
  }
}
