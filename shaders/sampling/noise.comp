// The state a sampler starts from: x = e * noise for every active lane, and the network's first input, nextInputScale *
// x. With NOISE_PAIR the noise is that of two seeds: e * noise + second e * second noise (core/noise_walk.h).
//
//   input   StepParams per lane: flags (ACTIVE, NOISE_BUFFER, NOISE_PAIR), e, nextInputScale, seed, stream, step, origin;
//           then another for each lane, of which NOISE_PAIR reads e, seed, stream, step, origin
//   output  x [N,H,W,C] float, modelInput [N or 2N,H,W,C] storage type
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint params;
  uint x;
  uint modelInput;
  uint noise;
  uint width;
  uint height;
  uint channels;
  uint quads;      // of a texel
  uint laneQuads;  // of an image
  uint laneCount;  // N
  uint guided;     // modelInput has 2N lanes
  uint allowed;    // flags a lane may use: there is a tensor for them
  uint groups;     // of the whole dispatch along y (shared/tensor.glsl)
} push;

#include "sampling/state.glsl"

void main() {
  uint lane = gl_WorkGroupID.z;
  StepParams s = RVL_STEP_PARAMS(push.params, lane);
  s.flags &= push.allowed;
  if ((s.flags & RVL_STEP_ACTIVE) == 0u) return;
  uint i = gl_GlobalInvocationID.x;
  if (i >= push.width * push.quads) return;
  uint column = divideSmall(i, push.quads);
  uint quad = i - column * push.quads;
  for (uint row = gl_WorkGroupID.y; row < push.height; row += push.groups) {
    uint at = lane * push.laneQuads + row * push.width * push.quads + i;
    vec4 x = vec4(0.0);
    if (quad * 4u < push.channels) {
      precise vec4 noise = s.e * stepNoise(s, push.noise, column, row, quad, at);
      if ((s.flags & RVL_STEP_NOISE_PAIR) != 0u) {
        StepParams t = RVL_STEP_PARAMS(push.params, push.laneCount + lane);
        noise = noise + t.e * stepNoise(t, push.noise, column, row, quad, at);
      }
      x = maskChannels(noise, quad, push.channels);
    }
    arenaF32x4Store(push.x, at, x);
    writeModelInput(s.nextInputScale * x, at);
  }
}
