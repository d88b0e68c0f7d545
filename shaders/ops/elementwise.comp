// activation(a * scale + b), element by element.
//
//   input   a, b: same shape; b may be missing     storage type
//   output  the same shape                          storage type
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 3) in;
layout(constant_id = 0) const int ACTIVATION = 0;
layout(constant_id = 1) const bool EXACT = false;  // one round covers all: a condition makes accesses slow in software
layout(constant_id = 2) const bool HAS_B = false;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint a;
  uint b;
  uint y;
  uint quads;
  float scale;
  uint groups;  // of the whole dispatch (shared/tensor.glsl)
} push;

void apply(uint i) {
  vec4 v = arenaLoad4(push.a, i) * push.scale;
  if (HAS_B) v += arenaLoad4(push.b, i);
  arenaStore4(push.y, i, activate4(ACTIVATION, v));
}

void main() {
  if (EXACT) {
    apply(gl_GlobalInvocationID.x);
  } else {
    for (uint i = gl_GlobalInvocationID.x; i < push.quads; i += push.groups * gl_WorkGroupSize.x) apply(i);
  }
}
