// Changes of resolution that only move values. KIND:
//   0  nearest    [N,h,w,C]  → [N,2h,2w,C]        every pixel twice in both directions
//   1  unshuffle  [N,2H,2W,C] → [N,H,W,4C]        channel c*4 + dy*2 + dx is pixel (2y + dy, 2x + dx), as torch
//   2  shuffle    [N,h,w,4C] → [N,2h,2w,C]        the inverse
//
// One invocation writes a quad of channels of one output pixel; gl_WorkGroupID.y is the row, .z the image.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"
#include "shared/divide.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint KIND = 0u;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint y;
  uint inputHeight;
  uint inputWidth;
  uint inputStride;  // elements from pixel to pixel
  uint outputHeight;
  uint outputWidth;
  uint outputQuads;
  uint channels;  // C of the list above
} push;

uint inputPixel(uint row, uint column) {
  return (gl_WorkGroupID.z * push.inputHeight + row) * push.inputWidth + column;
}

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i >= push.outputWidth * push.outputQuads) return;
  uint column = divideSmall(i, push.outputQuads);
  uint quad = i - column * push.outputQuads;
  for (uint row = gl_WorkGroupID.y; row < push.outputHeight; row += gl_NumWorkGroups.y) {
    vec4 v = vec4(0.0);
    if (KIND == 0u) {
      v = arenaLoad4(push.x, inputPixel(row / 2u, column / 2u) * (push.inputStride / 4u) + quad);
    } else if (KIND == 1u) {
      if (quad < push.channels) {
        [[unroll]] for (uint j = 0u; j < 4u; ++j) {
          v[j] = arenaLoad1(push.x, inputPixel(2u * row + j / 2u, 2u * column + j % 2u) * push.inputStride + quad);
        }
      }
    } else {
      uint base = inputPixel(row / 2u, column / 2u) * push.inputStride + 2u * (row % 2u) + column % 2u;
      [[unroll]] for (uint j = 0u; j < 4u; ++j) {
        uint channel = quad * 4u + j;
        if (channel < push.channels) v[j] = arenaLoad1(push.x, base + channel * 4u);
      }
    }
    arenaStore4(push.y, ((gl_WorkGroupID.z * push.outputHeight + row) * push.outputWidth + column) * push.outputQuads + quad, v);
  }
}
