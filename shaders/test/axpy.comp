// y = scale * x + w, element by element: what the tests of the Vulkan layer run.
//
//   x, y  [count]  storage type, in the arena
//   w     [count]  storage type, in the weight buffer
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const float SCALE = 1.0;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint w;
  uint y;
  uint count;
} push;

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i < push.count) arenaStore1(push.y, i, SCALE * arenaLoad1(push.x, i) + weightLoad1(push.w, i));
}
