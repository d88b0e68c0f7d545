// Last pass of Winograd's convolution in three dispatches (ops/winograd.h): every tile's output transform, which
// ops/winograd_output.glsl describes, of m [36][pitch][COLUMNS * 2 * LANES] float.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int OUTPUT_ACTIVATION = 0;
layout(constant_id = 4) const uint OUTPUTS = 8u;      // unpadded
layout(constant_id = 5) const int SUBGROUP_BITS = 4;  // of their number in a workgroup
layout(constant_id = 6) const int GROUP_BITS = 4;     // of the workgroups along y
layout(constant_id = 7) const int COLUMN_BITS = 4;    // of those along x

#define UNIFORM_BITS 3
layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint identity[8];
  uint m;
  uint y;
  uint outputSquares;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint size;       // W | H << 16
  uint tiles;       // of 4x4 pixels, of all N images
  uint pitch;       // tiles from one matrix to the next
  uint plane;       // floats from one plane of squares to the next
  float outputScale;
} push;

#include "shared/uniform.glsl"

#include "ops/winograd_output.glsl"

void main() {
  uint slot = uniformIndex(gl_WorkGroupID.y, GROUP_BITS) << uint(SUBGROUP_BITS) | uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint column = uniformIndex(gl_WorkGroupID.x, COLUMN_BITS);
  uint64_t from = arenaAt(push.m) + uint64_t((slot * COLUMNS + column) * (COLUMN / 4u)) * 16ul;
  transformOutput(slot, column, from, uint64_t(push.pitch * COLUMNS * (COLUMN / 4u)) * 16ul);
}
