// A matrix times one vector per lane of the batch.
//
//   input   x [N,1,1,I] float, addend [N,1,1,O] float or none
//   weights [I/4][O][4] in storage type, I and O padded with zeros; bias O float, padded
//   output  activation(weight * inputActivation(x) + bias + addend), [N,1,1,O] float
//
// Neighbouring invocations have neighbouring outputs. SLICES of them share an output, each with every SLICES-th quad of
// inputs; their sums meet in shared memory in a fixed order. An invocation has ROWS outputs of BATCH vectors: what it
// reads serves several.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // OUTPUTS * SLICES
layout(constant_id = 1) const uint SLICES = 1u;
layout(constant_id = 2) const int INPUT_ACTIVATION = 0;
layout(constant_id = 3) const int ACTIVATION = 0;

layout(constant_id = 4) const uint BATCH = 1u;  // 1 to 4
layout(constant_id = 5) const uint ROWS = 1u;   // 1 where SLICES > 1

const uint OUTPUTS = LOCAL / SLICES;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint y;
  uint weight;
  uint bias;
  uint addend;
  uint hasAddend;
  uint inputQuads;
  uint outputs;  // padded
  uint batch;
} push;

shared vec4 partial[LOCAL];

void main() {
  uint local = gl_LocalInvocationID.x;
  uint o = gl_WorkGroupID.x * OUTPUTS * ROWS + local % OUTPUTS;  // and every OUTPUTS-th behind it
  uint slice = local / OUTPUTS;
  uint first = gl_WorkGroupID.y * BATCH;

  // Vectors and outputs past the last repeat it; they are not written.
  uint vector[BATCH], column[ROWS];
  [[unroll]] for (uint n = 0u; n < BATCH; ++n) vector[n] = min(first + n, push.batch - 1u) * push.inputQuads;
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) column[r] = min(o + r * OUTPUTS, push.outputs - 1u);

  vec4 sum[ROWS];
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) sum[r] = vec4(0.0);
  for (uint i = slice; i < push.inputQuads; i += SLICES) {
    vec4 x[BATCH];
    [[unroll]] for (uint n = 0u; n < BATCH; ++n) x[n] = activate4(INPUT_ACTIVATION, arenaF32x4(push.x, vector[n] + i));
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
      vec4 w = weightLoad4(push.weight, i * push.outputs + column[r]);
      [[unroll]] for (uint n = 0u; n < BATCH; ++n) sum[r][n] += dot(w, x[n]);
    }
  }
  if (SLICES > 1u) {
    partial[local] = sum[0];
    barrier();
    if (slice != 0u) return;
    for (uint s = 1u; s < SLICES; ++s) sum[0] += partial[local + s * OUTPUTS];
  }
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
    uint output_ = o + r * OUTPUTS;
    if (output_ >= push.outputs) return;
    [[unroll]] for (uint n = 0u; n < BATCH; ++n) {
      if (first + n < push.batch) {
        uint at = (first + n) * push.outputs + output_;
        float v = sum[r][n] + weightF32(push.bias, output_);
        if (push.hasAddend != 0u) v += arenaF32(push.addend, at);
        arenaF32Store(push.y, at, activate1(ACTIVATION, v));
      }
    }
  }
}
