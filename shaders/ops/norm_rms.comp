// RMS norm over the channels of each pixel: y = activation((x / rms(x)) * gamma + beta, modulated).
//
//   input   x [N,H,W,C1], x2 [N,H,W,C2] or none     storage type
//   output  PROLOGUE = false: y [N,H,W,C1+C2]        storage type
//           PROLOGUE = true:  1 / rms as a plane of N*H*W floats, and scale, shift [N,1,1,C1+C2] float
//
// LANES invocations share a pixel. One on a software device, where the lanes of a vector are then pixels, the constants
// are the same for all of them and nothing crosses lanes; several on a GPU, where neighbouring lanes should read
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
layout(constant_id = 9) const bool EXACT = false;  // the grid covers the pixels with none left over
layout(constant_id = 10) const bool ROLLED = false;  // loops over channels, reading them twice

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
  uint groups;  // of the whole dispatch along x (shared/tensor.glsl)
} push;

#include "ops/norm_input.glsl"
#include "shared/silu.glsl"

const uint C = C1 + C2;
const uint QUADS = ((C + 7u) & ~7u) / 4u;
const uint LAYOUT = C2 == 0u ? RVL_INPUT_ONE : C1 % 8u == 0u ? RVL_INPUT_ALIGNED : RVL_INPUT_ANY;
const uint PER_LANE = (QUADS + LANES - 1u) / LANES;

shared float partial[LOCAL];

// Four values of the embedding. A cut quad reads past its slice, at most to the end of the row.
vec4 modulationQuad(uint at) {
  uint base = gl_WorkGroupID.z * push.modulationStride, last = push.modulationStride - 1u;
  if (C % 8u == 0u) last = 0xFFFFFFFFu;
  return vec4(arenaF32(push.modulation, base + min(at, last)), arenaF32(push.modulation, base + min(at + 1u, last)),
              arenaF32(push.modulation, base + min(at + 2u, last)),
              arenaF32(push.modulation, base + min(at + 3u, last)));
}

// What a normalised quad is multiplied by, and what is then added; 0 for padding channels.
void affine(uint quad, out vec4 scale, out vec4 shift) {
  scale = weightF32x4(push.gamma, quad);  // padding holds zeros
  shift = HAS_BETA ? weightF32x4(push.beta, quad) : vec4(0.0);
  if (MODULATED) {
    uint at = min(quad * 4u, C - 1u);  // a quad of padding reads anything; masked below
    vec4 factor = 1.0 + modulationQuad(push.scaleAt + at);
    scale *= factor;
    shift = shift * factor + modulationQuad(push.shiftAt + at);
    if (C % 8u != 0u) {
      bvec4 exists = channelExists(quad, C);
      scale = mix(vec4(0.0), scale, exists);
      shift = mix(vec4(0.0), shift, exists);
    }
  }
}

vec4 activate(vec4 v) {
  if (ACTIVATION != RVL_ACTIVATION_SILU) return v;
  return CHEAP_EXP ? silu4(v) : activate4(RVL_ACTIVATION_SILU, v);
}

vec4 normalised(vec4 v, uint quad) {
  vec4 scale, shift;
  affine(quad, scale, shift);
  return activate(v * scale + shift);
}

// 1 / rms of a pixel from the sums of squares of each invocation's own channels.
float inverseRms(vec4 squares, uint local, uint lane) {
  float sum = (squares.x + squares.y) + (squares.z + squares.w);
  if (LANES > 1u) {
    barrier();
    partial[local] = sum;
    barrier();
    sum = 0.0;
    for (uint i = 0u; i < LANES; ++i) sum += partial[local - lane + i];
  }
  return inversesqrt(sum * (1.0 / float(C)) + push.epsilon);
}

// Invocations past the image's end compute its last pixel again: there is a barrier inside, and on a software device
// any condition makes every access slow.
void normalise(uint inImage, uint lane) {
  uint image = gl_WorkGroupID.z;
  bool inside = EXACT || inImage < push.pixels;
  uint pixel = image * push.pixels + (EXACT ? inImage : min(inImage, push.pixels - 1u));

  // PER_LANE quads each; the array is not used where the loops are rolled.
  vec4 v[ROLLED ? 1u : PER_LANE];
  vec4 squares = vec4(0.0);
  if (ROLLED) {
    [[dont_unroll]] for (uint quad = lane; quad < QUADS; quad += LANES) {
      vec4 x = inputQuad(pixel, quad, LAYOUT, C1, C2);
      squares += x * x;
    }
  } else {
    [[unroll]] for (uint k = 0u; k < PER_LANE; ++k) {
      uint quad = k * LANES + lane;
      v[k] = vec4(0.0);
      if (PER_LANE * LANES == QUADS || quad < QUADS) v[k] = inputQuad(pixel, quad, LAYOUT, C1, C2);
      squares += v[k] * v[k];
    }
  }
  float inverse = inverseRms(squares, gl_LocalInvocationID.x, lane);
  if (PROLOGUE) {
    if (inside && lane == 0u) arenaF32Store(push.y, pixel, inverse);
    return;
  }
  if (ROLLED) {
    [[dont_unroll]] for (uint quad = lane; quad < QUADS; quad += LANES) {
      vec4 y = normalised(inputQuad(pixel, quad, LAYOUT, C1, C2) * inverse, quad);
      if (inside) arenaStore4(push.y, pixel * QUADS + quad, y);
    }
    return;
  }
  [[unroll]] for (uint k = 0u; k < PER_LANE; ++k) v[k] = normalised(v[k] * inverse, min(k * LANES + lane, QUADS - 1u));
  if (inside) {
    [[unroll]] for (uint k = 0u; k < PER_LANE; ++k) {
      uint quad = k * LANES + lane;
      if (PER_LANE * LANES == QUADS || quad < QUADS) arenaStore4(push.y, pixel * QUADS + quad, v[k]);
    }
  }
}

void main() {
  uint local = gl_LocalInvocationID.x;
  uint perGroup = LOCAL / LANES;
  if (PROLOGUE && gl_WorkGroupID.x == 0u) {
    for (uint quad = local; quad < QUADS; quad += LOCAL) {
      vec4 scale, shift;
      affine(quad, scale, shift);
      arenaF32x4Store(push.scale, gl_WorkGroupID.z * QUADS + quad, scale);
      arenaF32x4Store(push.shift, gl_WorkGroupID.z * QUADS + quad, shift);
    }
  }
  if (EXACT) {
    normalise(gl_WorkGroupID.x * perGroup + local / LANES, local % LANES);
  } else {
    for (uint first = gl_WorkGroupID.x * perGroup; first < push.pixels; first += push.groups * perGroup) {
      normalise(first + local / LANES, local % LANES);
    }
  }
}
