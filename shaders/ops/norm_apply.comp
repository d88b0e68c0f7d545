// y = activation(x * scale + shift) where scale and shift are known: a group norm as a pass of its own.
//
//   input   x [N,H,W,C1], x2 [N,H,W,C2] or none     storage type
//           scale, shift [N,1,1,C1+C2]               float
//   output  y [N,H,W,C1+C2]                          storage type
//
// A workgroup takes pixels of one block of BLOCK quads of channels: all of them in one invocation on a software device
// (LANES = 1: the lanes of a vector are pixels, constants are shared), one quad each on a GPU (LANES = BLOCK:
// neighbours read neighbouring memory).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint LANES = 1u;  // 1 or BLOCK
layout(constant_id = 2) const int ACTIVATION = 0;
layout(constant_id = 3) const bool CHEAP_EXP = false;
layout(constant_id = 4) const uint BLOCK = 8u;      // divides the quads of a pixel
layout(constant_id = 5) const uint LAYOUT = 2u;     // RVL_INPUT_* of ops/norm_input.glsl
layout(constant_id = 6) const bool EXACT = false;   // the grid covers the pixels with none left over

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint y;
  uint scale;
  uint shift;
  uint c1;
  uint c2;
  uint pixels;  // of one image
  uint groups;  // of the whole dispatch along x (shared/tensor.glsl)
} push;

#include "ops/norm_input.glsl"
#include "shared/silu.glsl"

vec4 activate(vec4 v) {
  if (ACTIVATION != RVL_ACTIVATION_SILU) return v;
  return CHEAP_EXP ? silu4(v) : activate4(RVL_ACTIVATION_SILU, v);
}

void apply(uint p) {
  uint image = gl_WorkGroupID.z;
  uint quads = padChannels(push.c1 + push.c2) / 4u;
  uint pixel = image * push.pixels + p;
  [[unroll]] for (uint k = 0u; k < BLOCK; k += LANES) {
    uint quad = gl_WorkGroupID.y * BLOCK + k + gl_LocalInvocationID.x % LANES;
    vec4 scale = arenaF32x4(push.scale, image * quads + quad), shift = arenaF32x4(push.shift, image * quads + quad);
    vec4 x = inputQuad(pixel, quad, LAYOUT, push.c1, push.c2);
    arenaStore4(push.y, pixel * quads + quad, activate(x * scale + shift));
  }
}

void main() {
  uint perGroup = LOCAL / LANES;
  uint first = gl_WorkGroupID.x * perGroup + gl_LocalInvocationID.x / LANES;
  if (EXACT) {
    apply(first);
  } else {
    for (uint p = first; p < push.pixels; p += push.groups * perGroup) apply(p);
  }
}
