// RMS norm over the channels of each pixel: y = activation((x / rms(x)) * gamma + beta, modulated).
//
//   input   x [N,H,W,C1], x2 [N,H,W,C2] or none     storage type
//   output  PROLOGUE = false: y [N,H,W,C1+C2]        storage type
//           PROLOGUE = true:  1 / rms as a plane of N*H*W floats, and scale, shift [N,1,1,C1+C2] float
//
// LANES invocations share a pixel. One on a software device, where the lanes of a vector are then pixels, the constants are
// the same for all of them and nothing crosses lanes; several on a GPU, where neighbouring lanes should read
// neighbouring memory.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint LANES = 1u;  // a power of two that divides LOCAL
layout(constant_id = 2) const uint C1 = 32u;
layout(constant_id = 3) const uint C2 = 0u;
layout(constant_id = 4) const bool PROLOGUE = false;
layout(constant_id = 5) const int ACTIVATION = 0;
layout(constant_id = 6) const bool HAS_BETA = false;
layout(constant_id = 7) const bool MODULATED = false;
layout(constant_id = 8) const bool CHEAP_EXP = false;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint y;      // PROLOGUE: the plane
  uint scale;  // PROLOGUE only, as shift
  uint shift;
  uint gamma;   // weights: C float, padded
  uint beta;
  uint modulation;  // [N,1,1,modulationStride] float
  uint modulationStride;
  uint scaleAt;
  uint shiftAt;
  uint pixels;  // of one image
  float epsilon;
} push;

#include "ops/norm_input.glsl"
#include "shared/silu.glsl"

const uint C = C1 + C2;
const uint QUADS = ((C + 7u) & ~7u) / 4u;
const uint PER_LANE = (QUADS + LANES - 1u) / LANES;

shared float partial[LOCAL];

vec4 modulationQuad(uint at) {
  uint base = gl_WorkGroupID.z * push.modulationStride + at;
  return vec4(arenaF32(push.modulation, base), arenaF32(push.modulation, base + 1u), arenaF32(push.modulation, base + 2u),
              arenaF32(push.modulation, base + 3u));
}

// What a normalised quad is multiplied by, and what is then added; 0 for padding channels.
void affine(uint quad, out vec4 scale, out vec4 shift) {
  scale = weightF32x4(push.gamma, quad);  // padding holds zeros
  shift = HAS_BETA ? weightF32x4(push.beta, quad) : vec4(0.0);
  if (MODULATED) {
    vec4 mask = quad * 4u + 4u <= C ? vec4(1.0) : channelMask(quad, C);
    // Channels past the last read a clamped place of the row: any value there is masked.
    uint at = quad * 4u;
    vec4 ms, mh;
    if (at + 4u <= C) {
      ms = modulationQuad(push.scaleAt + at);
      mh = modulationQuad(push.shiftAt + at);
    } else {
      ms = vec4(0.0);
      mh = vec4(0.0);
      for (uint j = 0u; j < 4u; ++j) {
        if (at + j < C) {
          uint row = gl_WorkGroupID.z * push.modulationStride + at + j;
          ms[j] = arenaF32(push.modulation, row + push.scaleAt);
          mh[j] = arenaF32(push.modulation, row + push.shiftAt);
        }
      }
    }
    scale *= 1.0 + ms;
    shift = shift * (1.0 + ms) + mh;
  }
}

vec4 activate(vec4 v) {
  if (ACTIVATION != RVL_ACTIVATION_SILU) return v;
  return CHEAP_EXP ? silu4(v) : activate4(RVL_ACTIVATION_SILU, v);
}

void main() {
  uint local = gl_LocalInvocationID.x;
  uint lane = local % LANES;
  uint image = gl_WorkGroupID.z;
  uint perGroup = LOCAL / LANES;

  if (PROLOGUE && gl_WorkGroupID.x == 0u) {
    for (uint quad = local; quad < QUADS; quad += LOCAL) {
      vec4 scale, shift;
      affine(quad, scale, shift);
      arenaF32x4Store(push.scale, image * QUADS + quad, scale);
      arenaF32x4Store(push.shift, image * QUADS + quad, shift);
    }
  }

  // The same number of rounds for every invocation of the group: there is a barrier inside.
  for (uint first = gl_WorkGroupID.x * perGroup; first < push.pixels; first += gl_NumWorkGroups.x * perGroup) {
    uint inImage = first + local / LANES;
    bool inside = inImage < push.pixels;
    uint pixel = image * push.pixels + min(inImage, push.pixels - 1u);

    vec4 v[PER_LANE];
    vec4 squares = vec4(0.0);
    [[unroll]] for (uint k = 0u; k < PER_LANE; ++k) {
      uint quad = k * LANES + lane;
      v[k] = PER_LANE * LANES == QUADS || quad < QUADS ? inputQuad(pixel, quad, C1, C2) : vec4(0.0);
      squares += v[k] * v[k];
    }
    float sum = (squares.x + squares.y) + (squares.z + squares.w);
    if (LANES > 1u) {
      partial[local] = sum;
      barrier();
      sum = 0.0;
      for (uint i = 0u; i < LANES; ++i) sum += partial[local - lane + i];
      barrier();
    }
    float inverse = inversesqrt(sum * (1.0 / float(C)) + push.epsilon);

    if (PROLOGUE) {
      if (inside && lane == 0u) arenaF32Store(push.y, pixel, inverse);
    } else {
      [[unroll]] for (uint k = 0u; k < PER_LANE; ++k) {
        uint quad = k * LANES + lane;
        vec4 scale, shift;
        if (PER_LANE * LANES == QUADS || quad < QUADS) {
          affine(quad, scale, shift);
          vec4 y = activate(v[k] * inverse * scale + shift);
          if (inside) arenaStore4(push.y, pixel * QUADS + quad, y);
        }
      }
    }
  }
}
