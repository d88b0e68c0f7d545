// The picture a lane's state stands for: rgb = clamp(matrix x + offset) to [-1, 1], a NaN becoming -1 (image/whitening.h,
// engine/generator.cpp).
//
//   input   x [N,H,W,C] float, one lane of it
//   output  level 0 of the picture [H,W] vec4
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  vec4 rows[3];      // of the matrix; w is the offset
  uint source;       // the lane's first texel, in the lanes' arena
  uint destination;  // in the texel buffer
  uint texels;       // H W
  uint quads;        // of a texel of the state
  uint groups;  // of the whole dispatch (shared/tensor.glsl)
} push;

float channel(vec4 row, vec4 x) {
  precise float v = row.x * x.x + row.y * x.y + row.z * x.z + row.w;
  return isnan(v) ? -1.0 : clamp(v, -1.0, 1.0);
}

void main() {
  for (uint i = gl_GlobalInvocationID.x; i < push.texels; i += push.groups * 64u) {
    vec4 x = weightF32x4(push.source, i * push.quads);
    vec3 rgb = vec3(channel(push.rows[0], x), channel(push.rows[1], x), channel(push.rows[2], x));
    arenaF32x4Store(push.destination, i, vec4(rgb, 1.0));
  }
}
