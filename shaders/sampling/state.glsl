// What noise.comp and step.comp share: one invocation owns a quad of channels of one texel of one lane.
//
// Tensors of the state are [N,H,W,C] float; the network's input is [N or 2N,H,W,C] and its output [N or 2N,H,W,C or
// 2C], both in storage type. With 2N lanes the second half is the unconditional one.
#ifndef RVL_SAMPLING_STATE_GLSL
#define RVL_SAMPLING_STATE_GLSL

#include "shared/divide.glsl"
#include "shared/philox.glsl"
#include "shared/step_params.h"

// One StepParams per lane. Tensors start at multiples of 256 bytes, so an array of 128-byte structures fits.
#if RVL_BDA
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer ParamsRef { StepParams v[]; };
#define RVL_STEP_PARAMS(offset, lane) ParamsRef(push.arenaAddress).v[(offset) / 8u + (lane)]
#else
layout(set = 0, binding = 0, std430) readonly buffer Params { StepParams v[]; } params_;
#define RVL_STEP_PARAMS(offset, lane) params_.v[(offset) / 8u + (lane)]
#endif

// Zeros for the channels that are padding.
vec4 maskChannels(vec4 v, uint quad, uint channels) {
  return mix(vec4(0.0), v, lessThan(uvec4(quad * 4u) + uvec4(0u, 1u, 2u, 3u), uvec4(channels)));
}

vec4 stepNoise(StepParams s, uint noiseBuffer, uint column, uint row, uint quad, uint at) {
  if ((s.flags & RVL_STEP_NOISE_BUFFER) != 0u) return arenaF32x4(noiseBuffer, at);
  int x = s.originX + int(column), y = s.originY + int(row);
  return rvlNoise(uvec2(s.seedLow, s.seedHigh), s.noiseStream, s.noiseStep, x, y, quad);
}

// The network's next input, in both halves of the batch where there are two.
#define writeModelInput(v, at)                                                      \
  {                                                                                 \
    arenaStore4(push.modelInput, at, v);                                            \
    if (push.guided != 0u) arenaStore4(push.modelInput, (at) + push.laneCount * push.laneQuads, v); \
  }

#endif
