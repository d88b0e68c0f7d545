// A matrix times one vector per lane of the batch.
//
//   input   x [N,1,1,I] float, addend [N,1,1,O] float or none
//   weights [I/4][O][4] in storage type, I and O padded with zeros; bias O float, padded
//   output  activation(weight * inputActivation(x) + bias + addend), [N,1,1,O] float
//
// Neighbouring invocations have neighbouring outputs. SLICES of them share an output, each with every SLICES-th quad of inputs;
// their sums meet in shared memory in a fixed order. BATCH vectors are multiplied by each weight read.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // OUTPUTS * SLICES
layout(constant_id = 1) const uint SLICES = 1u;
layout(constant_id = 2) const int INPUT_ACTIVATION = 0;
layout(constant_id = 3) const int ACTIVATION = 0;

const uint OUTPUTS = LOCAL / SLICES;
const uint BATCH = 4u;

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
  uint o = gl_WorkGroupID.x * OUTPUTS + local % OUTPUTS;
  uint slice = local / OUTPUTS;
  uint column = min(o, push.outputs - 1u);
  uint first = gl_WorkGroupID.y * BATCH;

  // Vectors past the last repeat it; they are not written.
  uint row[BATCH];
  [[unroll]] for (uint n = 0u; n < BATCH; ++n) row[n] = min(first + n, push.batch - 1u) * push.inputQuads;

  vec4 sum = vec4(0.0);
  for (uint i = slice; i < push.inputQuads; i += SLICES) {
    vec4 w = weightLoad4(push.weight, i * push.outputs + column);
    [[unroll]] for (uint n = 0u; n < BATCH; ++n) {
      sum[n] += dot(w, activate4(INPUT_ACTIVATION, arenaF32x4(push.x, row[n] + i)));
    }
  }
  if (SLICES > 1u) {
    partial[local] = sum;
    barrier();
    if (slice != 0u) return;
    for (uint s = 1u; s < SLICES; ++s) sum += partial[local + s * OUTPUTS];
  }
  if (o >= push.outputs) return;
  [[unroll]] for (uint n = 0u; n < BATCH; ++n) {
    if (first + n >= push.batch) break;
    uint at = (first + n) * push.outputs + o;
    float v = sum[n] + weightF32(push.bias, o);
    if (push.hasAddend != 0u) v += arenaF32(push.addend, at);
    arenaF32Store(push.y, at, activate1(ACTIVATION, v));
  }
}
