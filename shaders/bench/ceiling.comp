// A multiply-add loop that touches registers only: the arithmetic a device can do at all. Every accumulator is added a
// product of another one, so nothing can be folded; the results are stored, so nothing can be dropped.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int ACCUMULATORS = 24;
layout(constant_id = 2) const int UNROLL = 16;  // multiply-adds of each accumulator in a pass of the loop

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint y;  // one float an invocation
  uint passes;
  float factor;  // small: values keep their size however long it runs
} push;

void main() {
  float factors[4];
  [[unroll]] for (int i = 0; i < 4; ++i) factors[i] = push.factor * float(i - 1);
  float sum[ACCUMULATORS];
  [[unroll]] for (int i = 0; i < ACCUMULATORS; ++i) sum[i] = 1.0 + push.factor * float(gl_LocalInvocationIndex + i);

  [[dont_unroll]] for (uint pass = 0u; pass < push.passes; ++pass) {
    [[unroll]] for (int u = 0; u < UNROLL; ++u) {
      [[unroll]] for (int i = 0; i < ACCUMULATORS; ++i) {
        sum[i] += factors[(u + i) & 3] * sum[(i + u) % ACCUMULATORS];
      }
    }
  }

  float total = 0.0;
  [[unroll]] for (int i = 0; i < ACCUMULATORS; ++i) total += sum[i];
  arenaF32Store(push.y, gl_GlobalInvocationID.x, total);
}
