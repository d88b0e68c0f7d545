// One step of every active lane: the formulas at the top of shared/step_params.h, in that order of terms.
//
//   input   StepParams per lane; modelOutput [N or 2N,H,W,C or 2C] storage type; x, saved, history [N,H,W,C] float;
//           noise [N,H,W,C] float or none
//   output  x, saved, history in place; modelInput [N or 2N,H,W,C] storage type; x0 [N,H,W,C] float or none
//
// Nothing is contracted to fused multiply-adds, so devices with IEEE arithmetic agree with rivulet::cpuStep bit by bit
// (learned variance aside: exp).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint params;
  uint x;
  uint saved;
  uint history0;
  uint history1;
  uint history2;
  uint modelOutput;
  uint modelInput;
  uint x0;
  uint noise;
  uint width;
  uint height;
  uint channels;
  uint quads;            // of a texel of the state
  uint laneQuads;        // of an image of the state
  uint laneCount;        // N
  uint guided;           // modelInput and modelOutput have 2N lanes
  uint outputStride;     // elements of a texel of modelOutput
  uint writeX0;
  uint allowed;          // flags a lane may use: there is a tensor for them
  uint groups;           // of the whole dispatch along y (shared/tensor.glsl)
} push;

#include "sampling/state.glsl"

bool has(StepParams s, uint bit) { return (s.flags & bit) != 0u; }

// history[i], in the ring.
vec4 historyQuad(StepParams s, uint i, uint at) {
  uint slot = (s.pushSlot + 2u - i) % 3u;
  return arenaF32x4(slot == 0u ? push.history0 : slot == 1u ? push.history1 : push.history2, at);
}

// exp(log variance / 2) from the network's second half of channels.
vec4 learnedDeviation(StepParams s, uint texel, uint quad) {
  vec4 v = vec4(0.0);
  for (uint j = 0u; j < 4u; ++j) {
    uint channel = quad * 4u + j;
    uint at = texel * push.outputStride + push.channels + channel;
    if (channel < push.channels) v[j] = arenaLoad1(push.modelOutput, at);
  }
  precise vec4 r = 0.5 * (v + 1.0);
  precise vec4 logVariance = r * s.logVarianceMax + (1.0 - r) * s.logVarianceMin;
  return exp(0.5 * logVariance);
}

void advance(StepParams s, uint column, uint row, uint quad, uint at) {
  uint texel = (gl_WorkGroupID.z * push.height + row) * push.width + column;
  vec4 m = arenaLoad4(push.modelOutput, texel * (push.outputStride / 4u) + quad);
  if (has(s, RVL_STEP_GUIDED)) {
    uint second = texel + push.laneCount * push.width * push.height;
    vec4 uncond = arenaLoad4(push.modelOutput, second * (push.outputStride / 4u) + quad);
    precise vec4 guided = uncond + s.guidance * (m - uncond);
    m = guided;
  }
  vec4 x = arenaF32x4(push.x, at);
  precise vec4 predicted = s.p * x + s.q * m;
  vec4 x0 = clamp(predicted, vec4(s.clipLow), vec4(s.clipHigh));

  precise vec4 next = s.a * x + s.b * x0;
  precise vec4 saved = s.sa * x + s.sb * x0;
  if (has(s, RVL_STEP_READ_SAVED)) {
    vec4 old = arenaF32x4(push.saved, at);
    next = next + s.c * old;
    saved = saved + s.sc * old;
  }
  next = next + s.f * m;
  saved = saved + s.sf * m;
  if (has(s, RVL_STEP_READ_HISTORY0)) {
    vec4 h = historyQuad(s, 0u, at);
    next = next + s.d0 * h;
    saved = saved + s.sd0 * h;
  }
  if (has(s, RVL_STEP_READ_HISTORY1)) {
    vec4 h = historyQuad(s, 1u, at);
    next = next + s.d1 * h;
    saved = saved + s.sd1 * h;
  }
  if (has(s, RVL_STEP_READ_HISTORY2)) {
    vec4 h = historyQuad(s, 2u, at);
    next = next + s.d2 * h;
    saved = saved + s.sd2 * h;
  }
  if (has(s, RVL_STEP_NOISE)) {
    precise vec4 weight = vec4(s.e);
    if (has(s, RVL_STEP_LEARNED_VARIANCE)) weight = weight * learnedDeviation(s, texel, quad);
    next = next + weight * stepNoise(s, push.noise, column, row, quad, at);
  }

  // The network's channels past the image's are not part of the state: they would spread through the padding.
  next = maskChannels(next, quad, push.channels);
  x0 = maskChannels(x0, quad, push.channels);
  arenaF32x4Store(push.x, at, next);
  if (has(s, RVL_STEP_SAVE)) arenaF32x4Store(push.saved, at, maskChannels(saved, quad, push.channels));
  if (has(s, RVL_STEP_PUSH)) {
    arenaF32x4Store(s.pushSlot == 0u ? push.history0 : s.pushSlot == 1u ? push.history1 : push.history2, at, x0);
  }
  if (push.writeX0 != 0u) arenaF32x4Store(push.x0, at, x0);
  writeModelInput(s.nextInputScale * next, at);
}

// Quads that are all padding stay zero.
void clearPadding(StepParams s, uint at) {
  arenaF32x4Store(push.x, at, vec4(0.0));
  if (has(s, RVL_STEP_SAVE)) arenaF32x4Store(push.saved, at, vec4(0.0));
  if (has(s, RVL_STEP_PUSH)) {
    arenaF32x4Store(s.pushSlot == 0u ? push.history0 : s.pushSlot == 1u ? push.history1 : push.history2, at, vec4(0.0));
  }
  if (push.writeX0 != 0u) arenaF32x4Store(push.x0, at, vec4(0.0));
  writeModelInput(vec4(0.0), at);
}

void main() {
  uint lane = gl_WorkGroupID.z;
  StepParams s = RVL_STEP_PARAMS(push.params, lane);
  s.flags &= push.allowed;
  if (!has(s, RVL_STEP_ACTIVE)) return;
  uint i = gl_GlobalInvocationID.x;
  if (i >= push.width * push.quads) return;
  uint column = divideSmall(i, push.quads);
  uint quad = i - column * push.quads;
  for (uint row = gl_WorkGroupID.y; row < push.height; row += push.groups) {
    uint at = lane * push.laneQuads + row * push.width * push.quads + i;
    if (quad * 4u < push.channels) {
      advance(s, column, row, quad, at);
    } else {
      clearPadding(s, at);
    }
  }
}
