// First pass of Winograd's convolution in three dispatches (ops/winograd.h): every tile's input transform, which
// ops/winograd_input.glsl describes, to v [36][pitch][DEPTH] float.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"
#include "shared/silu.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int PADDING = 0;  // ops::Padding: all but ZeroAfter
layout(constant_id = 4) const int ACTIVATION = 0;
layout(constant_id = 5) const uint CHANNELS1 = 8u;  // of x, unpadded
layout(constant_id = 6) const uint CHANNELS2 = 0u;  // of x2
layout(constant_id = 7) const int PLANES1 = 1;
layout(constant_id = 8) const int PLANES2 = 0;
layout(constant_id = 9) const int SUBGROUP_BITS = 4;  // of their number in a workgroup
layout(constant_id = 10) const int GROUP_BITS = 4;    // of the workgroups along y
layout(constant_id = 11) const int CHANNEL_BITS = 4;  // of those along x, groups of channels

#define UNIFORM_BITS 3
layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint identity[8];
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
  uint tiles;       // of 4x4 pixels, of all N images
  uint pitch;       // tiles from one matrix to the next
  uint plane;       // floats from one plane of squares to the next
  float epsilon;
} push;

#include "shared/uniform.glsl"

#include "ops/winograd_input.glsl"

void main() {
  uint slot = uniformIndex(gl_WorkGroupID.y, GROUP_BITS) << uint(SUBGROUP_BITS) | uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint group = uniformIndex(gl_WorkGroupID.x, CHANNEL_BITS);
  uint64_t to = arenaAt(push.v) + uint64_t(slot * (DEPTH / 4u) + group * (GROUP / 4u)) * 16ul;
  transformInput(slot, group, true, to, uint64_t(push.pitch * (DEPTH / 4u)) * 16ul);
}
