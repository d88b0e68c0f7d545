// Second pass of Winograd's convolution (ops/winograd.h): 36 matrix products m = v u.
//
//   v  [36][pitch][DEPTH] float, of 2 * LANES channels each in the order that winograd_input.comp leaves them in
//   u  [36][COLUMNS][DEPTH][2][LANES] float
//   m  [36][pitch][COLUMNS * 2 * LANES] float, of each column in the order [LANES][2] of u's
//
// A subgroup makes four tiles of a column. Its lanes are outputs: a value of v is one for all of them, and neighbouring
// weights are a vector (shared/uniform.glsl).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const int DEPTH = 16;
layout(constant_id = 3) const int CHUNK = 4;  // channels between two stores; at most 32 chunks: of more the loop stays one
layout(constant_id = 4) const int COLUMN_BITS = 4;
layout(constant_id = 5) const int SUBGROUP_BITS = 4;  // of their number in a workgroup
layout(constant_id = 6) const int GROUP_BITS = 4;     // of the workgroups along y: 36 matrices of each group of tiles
layout(constant_id = 7) const int OUTER_BITS = 0;     // and along z

#define UNIFORM_BITS 4
layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint identity[16];
  uint v;
  uint u;
  uint m;
  uint pitch;  // tiles from one matrix to the next
  uint columns;
  uint groups;  // of tiles along y
} push;

#include "shared/uniform.glsl"

const int TILES = 4;

void main() {
  uint column = uniformIndex(gl_WorkGroupID.x, COLUMN_BITS), subgroup = uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint along = uniformIndex(gl_WorkGroupID.y, GROUP_BITS), matrix = along % 36u;
  uint group = uniformIndex(gl_WorkGroupID.z, OUTER_BITS) * push.groups + along / 36u;
  uint tile = (group << uint(SUBGROUP_BITS) | subgroup) * uint(TILES);
  uint columns = push.columns, zero = push.identity[0];
  uint row = matrix * push.pitch + tile;
  uint64_t m = arenaAt(push.m);
  uint64_t v = arenaAt(push.v) + uint64_t(row * uint(DEPTH / 4)) * 16ul;
  uint64_t u = weightAt(push.u) + uint64_t((matrix * columns + column) * uint(DEPTH * LANES / 2)) * 16ul;

  vec2 sum[TILES];
  [[unroll]] for (int t = 0; t < TILES; ++t) sum[t] = vec2(0.0);
  float kept[2 * TILES];
  [[unroll]] for (int chunk = 0; chunk < DEPTH / CHUNK; ++chunk) {
    [[unroll]] for (int i = 0; i < CHUNK; ++i) {
      // Where winograd_input.comp puts this channel.
      const int k = chunk * CHUNK + i, within = k % (2 * LANES);
#if RVL_F16
      const int at = k;
#else
      const int at = k - within + (within < LANES ? 2 * within : 2 * (within - LANES) + 1);
#endif
      vec2 weight = vec2(laneFloats(u, k * 2 * LANES), laneFloats(u, k * 2 * LANES + LANES));
      [[unroll]] for (int t = 0; t < TILES; ++t) sum[t] += UniformFloats(v).v[t * DEPTH + at] * weight;
    }
    [[unroll]] for (int t = 0; t < TILES; ++t) {
      kept[2 * t] = sum[t].x;
      kept[2 * t + 1] = sum[t].y;
    }
  }
  sum[0].x = kept[zero];

  uint units = columns * uint(LANES / 2);  // of 16 bytes, a tile
  [[unroll]] for (int t = 0; t < TILES; ++t) {
    uint64_t to = m + uint64_t((row + uint(t)) * units + column * uint(LANES / 2)) * 16ul;
    UniformPairs(to).v[gl_SubgroupInvocationID] = pack64(floatBitsToUint(sum[t]));
  }
}
