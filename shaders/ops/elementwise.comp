// activation(a * scale + b), element by element.
//
//   input   a, b: same shape; b may be missing     storage type
//   output  the same shape                          storage type
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const int ACTIVATION = 0;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint a;
  uint b;
  uint y;
  uint hasB;
  uint quads;
  float scale;
} push;

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < push.quads; i += gl_NumWorkGroups.x * 64u) {
    vec4 v = arenaLoad4(push.a, i) * push.scale;
    if (push.hasB != 0u) v += arenaLoad4(push.b, i);
    arenaStore4(push.y, i, activate4(ACTIVATION, v));
  }
}
