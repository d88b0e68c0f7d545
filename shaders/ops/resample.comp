// Changes of resolution that only move values. KIND:
//   0  nearest    [N,h,w,C]  → [N,2h,2w,C]        every pixel twice in both directions
//   1  unshuffle  [N,2H,2W,C] → [N,H,W,4C]        channel c*4 + dy*2 + dx is pixel (2y + dy, 2x + dx), as torch
//   2  shuffle    [N,h,w,4C] → [N,2h,2w,C]        the inverse
//
// One invocation moves a quad of channels of one pixel: of the input for nearest, else of the output. gl_WorkGroupID.y
// is the row, .z the image. On a software device a condition makes every access slow: EXACT says that the grid fits.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"
#include "shared/divide.glsl"

layout(local_size_x_id = 2) in;
layout(constant_id = 0) const uint KIND = 0u;
layout(constant_id = 1) const bool EXACT = false;

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
  uint groups;    // of the whole dispatch along y (shared/tensor.glsl)
} push;

uint inputPixel(uint row, uint column) {
  return (gl_WorkGroupID.z * push.inputHeight + row) * push.inputWidth + column;
}

uint outputQuad(uint row, uint column, uint quad) {
  return ((gl_WorkGroupID.z * push.outputHeight + row) * push.outputWidth + column) * push.outputQuads + quad;
}

void move(uint row, uint column, uint quad) {
  if (KIND == 0u) {
    vec4 v = arenaLoad4(push.x, inputPixel(row, column) * push.outputQuads + quad);
    uint at = outputQuad(2u * row, 2u * column, quad);
    uint below = at + push.outputWidth * push.outputQuads;
    arenaStore4(push.y, at, v);
    arenaStore4(push.y, at + push.outputQuads, v);
    arenaStore4(push.y, below, v);
    arenaStore4(push.y, below + push.outputQuads, v);
    return;
  }
  // Channels that do not exist read the last one instead, and are masked.
  vec4 v;
  bvec4 exists;
  if (KIND == 1u) {
    uint channel = min(quad, push.channels - 1u);
    [[unroll]] for (uint j = 0u; j < 4u; ++j) {
      v[j] = arenaLoad1(push.x, inputPixel(2u * row + j / 2u, 2u * column + j % 2u) * push.inputStride + channel);
    }
    exists = bvec4(quad < push.channels);
  } else {
    uint base = inputPixel(row / 2u, column / 2u) * push.inputStride + 2u * (row % 2u) + column % 2u;
    [[unroll]] for (uint j = 0u; j < 4u; ++j) {
      v[j] = arenaLoad1(push.x, base + 4u * min(quad * 4u + j, push.channels - 1u));
    }
    exists = lessThan(uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u), uvec4(push.channels));
  }
  arenaStore4(push.y, outputQuad(row, column, quad), mix(vec4(0.0), v, exists));
}

void main() {
  uint width = KIND == 0u ? push.inputWidth : push.outputWidth;
  uint height = KIND == 0u ? push.inputHeight : push.outputHeight;
  uint i = gl_GlobalInvocationID.x;
  uint column = divideSmall(i, push.outputQuads);
  uint quad = i - column * push.outputQuads;
  if (EXACT) {
    move(gl_WorkGroupID.y, column, quad);
  } else {
    if (column >= width) return;
    for (uint row = gl_WorkGroupID.y; row < height; row += push.groups) move(row, column, quad);
  }
}
