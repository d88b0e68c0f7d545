// Levels of the picture, one behind the other, as BC1 blocks (four colours on a line between two of 5:6:5 bits).
//
//   input   a level of the picture [H,W] vec4, and those below it
//   output  [ceil(H/4),ceil(W/4)] blocks of 8 bytes
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint source;
  uint destination;
  uint width;
  uint height;
  uint levels;
  uint columns;  // of workgroups of the whole dispatch, and rows (shared/tensor.glsl)
  uint rows;
} push;

#include "image/texels.glsl"
#include "image/block.glsl"

uint quantise(vec3 c) {
  uvec3 q = uvec3(round(c * vec3(31.0, 63.0, 31.0) / 255.0));
  return q.r << 11 | q.g << 5 | q.b;
}

// As decoders expand it, by repeating the upper bits.
vec3 expand(uint c) {
  uint r = c >> 11, g = c >> 5 & 63u, b = c & 31u;
  return vec3(float(r << 3 | r >> 2), float(g << 2 | g >> 4), float(b << 3 | b >> 2));
}

// Places every colour on the line between two quantised ones: how far, and in which of the four steps.
float assign(uint from, uint to, out float place[16], out uint steps[16]) {
  vec3 a = expand(from), line = expand(to) - a;
  float squared = dot(line, line), error = 0.0;
  for (uint i = 0u; i < 16u; ++i) {
    float along = squared > 0.0 ? clamp(dot(block[i] - a, line) / squared, 0.0, 1.0) : 0.0;
    steps[i] = uint(along * 3.0 + 0.5);
    place[i] = float(steps[i]) / 3.0;
    vec3 d = a + place[i] * line - block[i];
    error += dot(d, d);
  }
  return error;
}

void compress(Level level, uvec2 at, uint index) {
  loadBlock(level, at);
  vec3 low, high;
  fitLine(low, high);
  uint from = quantise(low), to = quantise(high);
  float place[16];
  uint steps[16];
  float error = assign(from, to, place, steps);
  refineLine(place, low, high);
  uint refinedFrom = quantise(low), refinedTo = quantise(high), refinedSteps[16];
  if (assign(refinedFrom, refinedTo, place, refinedSteps) < error) {
    from = refinedFrom;
    to = refinedTo;
    steps = refinedSteps;
  }
  // The first colour has to be the larger number, or the block would have three colours and a transparent one.
  bool swapped = from < to;
  uint first = swapped ? to : from, second = swapped ? from : to;
  uint indices = 0u;
  for (uint i = 0u; i < 16u; ++i) {
    uint s = swapped ? 3u - steps[i] : steps[i];
    uint code = s == 0u ? 0u : s == 3u ? 1u : s + 1u;  // 0, 1: the ends; 2, 3: a third and two thirds of the way
    indices |= (first == second ? 0u : code) << 2u * i;
  }
  RVL_TEXEL_PAIRS[level.texels * RVL_PAIRS_PER_UNIT + index] =
      uvec2(first | second << 16, indices);
}

void main() {
  Level level = Level(push.source, push.destination, uvec2(push.width, push.height));
  for (uint done = 0u; done < push.levels; ++done, level = nextLevel(level)) {
    uvec2 blocks = (level.size + 3u) / 4u;
    for (uint y = gl_GlobalInvocationID.y; y < blocks.y; y += push.rows * gl_WorkGroupSize.y)
      for (uint x = gl_GlobalInvocationID.x; x < blocks.x; x += push.columns * gl_WorkGroupSize.x)
        compress(level, uvec2(x, y), y * blocks.x + x);
  }
}
