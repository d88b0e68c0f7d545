// Second pass of Winograd's convolution in three dispatches (ops/winograd.h): 36 matrix products m = v u.
//
//   v  [36][pitch][DEPTH] float
//   u  [36][COLUMNS][DEPTH][2][LANES] float
//   m  [36][pitch][COLUMNS * 2 * LANES] float
//
// A subgroup makes four tiles of a column (ops/winograd_multiply.glsl).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint DEPTH = 16u;
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

#include "ops/winograd_multiply.glsl"

void main() {
  uint column = uniformIndex(gl_WorkGroupID.x, COLUMN_BITS), subgroup = uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint along = uniformIndex(gl_WorkGroupID.y, GROUP_BITS), matrix = along % 36u;
  uint group = uniformIndex(gl_WorkGroupID.z, OUTER_BITS) * push.groups + along / 36u;
  uint tile = (group << uint(SUBGROUP_BITS) | subgroup) * uint(TILES);
  uint columns = push.columns, row = matrix * push.pitch + tile;
  uint64_t v = arenaAt(push.v) + uint64_t(row * (DEPTH / 4u)) * 16ul;
  uint64_t u = weightAt(push.u) + uint64_t((matrix * columns + column) * (DEPTH * uint(LANES) / 2u)) * 16ul;
  uint64_t m = arenaAt(push.m) + uint64_t((row * columns + column) * uint(LANES / 2)) * 16ul;
  multiply(v, 0, u, 0, m, columns * uint(LANES));
}
