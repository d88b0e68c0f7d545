// The sum over the channels of each pixel of x^2, for an RMS norm that is applied by whoever reads x (ops/winograd.h).
//
//   input   x [N,H,W,C] in storage type
//   output  squares: N*H*W floats
//
// An invocation makes a pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint PAIRS = 4u;  // padded channels / 2: the padding is zero

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint squares;
  uint pixels;
} push;

void main() {
  uint pixel = gl_GlobalInvocationID.x;
  if (pixel >= push.pixels) return;
  float sum = 0.0;
  [[dont_unroll]] for (uint first = 0u; first < PAIRS; first += 4u) {
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      vec2 value = arenaPair(push.x, pixel * PAIRS + first + i);
      sum += dot(value, value);
    }
  }
  arenaF32Store(push.squares, pixel, sum);
}
