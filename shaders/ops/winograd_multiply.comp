// Winograd convolution, second of three kernels: 36 matrix products (ops/winograd.h).
//
//   input    v [36][rows][I] float: a row is a tile; rows is a multiple of ROWS
//   weights  u [36][O / (LANES * Q)][I / 2][Q][LANES][2] float
//   output   m [36][rows][O] float = v * u
//
// A subgroup makes `block` rows of Q * LANES outputs. Its lanes are values of v when it reads and outputs when it
// multiplies: each value is broadcast to all lanes. The weights of DEPTH channels stay with the lanes while the rows go
// by, so nothing but addresses is carried around the loop; where there are more channels, further dispatches add to m.
// A lane has neighbouring outputs, 2i and 2i + 1, in neighbouring vectors, so that they are stored as one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#define RVL_F16 0
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;  // one subgroup
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const int ROWS = 4;    // in one turn of the loop
layout(constant_id = 3) const int Q = 2;       // vectors of outputs, 1 or even
layout(constant_id = 4) const int DEPTH = 32;  // divides the channels; a multiple of 8
layout(constant_id = 5) const bool WHOLE_DEPTH = true;  // DEPTH channels are all there are
layout(constant_id = 6) const bool ADD = false;         // to m

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint v;
  uint u;
  uint m;
  uint rows;
  uint block;    // rows of a workgroup, a multiple of ROWS
  uint pairs;    // I / 2
  uint outputs;  // O
  uint depth;    // first channel / 2
  uint groups;   // of the whole dispatch along x (shared/tensor.glsl)
} push;

const int STEPS = DEPTH / 2;
const int READS = (ROWS * STEPS + LANES - 1) / LANES;

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
// The driver unrolls a loop only where its condition compares the counter alone.
#define BROADCAST_FROM(lane)                                                          \
  if (lane < LANES) {                                                                 \
    [[unroll]] for (int g = 0; g < READS; ++g) {                                      \
      if (g * LANES + lane < ROWS * STEPS) {                                          \
        value[2 * (g * LANES + lane)] = subgroupBroadcast(read[g].x, uint(lane));     \
        value[2 * (g * LANES + lane) + 1] = subgroupBroadcast(read[g].y, uint(lane)); \
      }                                                                               \
    }                                                                                 \
  }

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint matrix = gl_WorkGroupID.z;
  uint firstRow = matrix * push.rows + gl_WorkGroupID.y * push.block;
  uint count = min(push.block, push.rows - gl_WorkGroupID.y * push.block);
  uint weightAt = (matrix * push.groups + gl_WorkGroupID.x) * push.pairs + push.depth;
  vec2 weight[STEPS * Q];
  [[unroll]] for (int i = 0; i < STEPS * Q; ++i) {
    weight[i] = weightF32Pair(push.u, weightAt * uint(Q * LANES) + uint(i * LANES) + lane);
  }

  [[dont_unroll]] for (uint r = 0u; r < count; r += ROWS) {
    vec2 read[READS];
    [[unroll]] for (int g = 0; g < READS; ++g) {
      uint i = uint(g * LANES) + lane;
      if (ROWS * STEPS % LANES != 0) i = min(i, uint(ROWS * STEPS - 1));
      uint at = WHOLE_DEPTH ? i : i / STEPS * push.pairs + push.depth + i % STEPS;
      read[g] = arenaF32Pair(push.v, (firstRow + r) * push.pairs + at);
    }
    float value[ROWS * DEPTH];
    LANES_8(BROADCAST_FROM, 0)
    if (LANES > 8) { LANES_8(BROADCAST_FROM, 8) }

    [[unroll]] for (int row = 0; row < ROWS; ++row) {
      float sum[Q];
      [[unroll]] for (int q = 0; q < Q; ++q) {
        float even = 0.0, odd = 0.0;  // two chains of additions: one alone would wait for itself
        [[unroll]] for (int s = 0; s < STEPS; ++s) {
          even += value[row * DEPTH + 2 * s] * weight[s * Q + q].x;
          odd += value[row * DEPTH + 2 * s + 1] * weight[s * Q + q].y;
        }
        sum[q] = even + odd;
      }
      uint to = (firstRow + r + uint(row)) * push.outputs + gl_WorkGroupID.x * uint(Q * LANES);
      if (Q == 1) {
        if (ADD) sum[0] += arenaF32(push.m, to + lane);
        arenaF32Store(push.m, to + lane, sum[0]);
      } else {
        [[unroll]] for (int p = 0; p < Q / 2; ++p) {
          vec2 both = vec2(sum[2 * p], sum[2 * p + 1]);
          uint pair = to / 2u + uint(p * LANES) + lane;
          if (ADD) both += arenaF32Pair(push.m, pair);
          arenaF32PairStore(push.m, pair, both);
        }
      }
    }
  }
}
