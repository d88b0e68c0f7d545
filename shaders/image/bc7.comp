// Levels of the picture, one behind the other, as BC7 blocks, all of mode 6: sixteen colours on a line between two of 7 bits a channel and a
// shared lowest bit. That bit is 1 for both ends: alpha is then exactly 255.
//
//   input   a level of the picture [H,W] vec4, and those below it
//   output  [ceil(H/4),ceil(W/4)] blocks of 16 bytes
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

const uint kWeights[16] = uint[](0u, 4u, 9u, 13u, 17u, 21u, 26u, 30u, 34u, 38u, 43u, 47u, 51u, 55u, 60u, 64u);

uvec3 quantise(vec3 c) { return uvec3(clamp(round((c - 1.0) * 0.5), vec3(0.0), vec3(127.0))); }
vec3 expand(uvec3 q) { return vec3(q << 1 | 1u); }

float assign(uvec3 from, uvec3 to, out float place[16], out uint steps[16]) {
  vec3 a = expand(from), line = expand(to) - a;
  float squared = dot(line, line), error = 0.0;
  for (uint i = 0u; i < 16u; ++i) {
    float along = squared > 0.0 ? clamp(dot(block[i] - a, line) / squared, 0.0, 1.0) : 0.0;
    uint s = uint(along * 15.0 + 0.5);
    // The weights are not quite even: the nearest may be a neighbour.
    if (s > 0u && abs(float(kWeights[s - 1u]) / 64.0 - along) < abs(float(kWeights[s]) / 64.0 - along)) --s;
    else if (s < 15u && abs(float(kWeights[s + 1u]) / 64.0 - along) < abs(float(kWeights[s]) / 64.0 - along)) ++s;
    steps[i] = s;
    place[i] = float(kWeights[s]) / 64.0;
    vec3 d = a + place[i] * line - block[i];
    error += dot(d, d);
  }
  return error;
}

uvec4 words;
uint used;

void put(uint value, uint bits) {
  uint word = used >> 5, shift = used & 31u;
  words[word] |= value << shift;
  if (shift + bits > 32u) words[word + 1u] |= value >> 32u - shift;
  used += bits;
}

void compress(Level level, uvec2 at, uint index) {
  loadBlock(level, at);
  vec3 low, high;
  fitLine(low, high);
  uvec3 from = quantise(low), to = quantise(high);
  float place[16];
  uint steps[16];
  float error = assign(from, to, place, steps);
  refineLine(place, low, high);
  uvec3 refinedFrom = quantise(low), refinedTo = quantise(high);
  uint refinedSteps[16];
  if (assign(refinedFrom, refinedTo, place, refinedSteps) < error) {
    from = refinedFrom;
    to = refinedTo;
    steps = refinedSteps;
  }
  // The first index has three bits: its highest is understood to be zero.
  if (steps[0] > 7u) {
    uvec3 old = from;
    from = to;
    to = old;
    for (uint i = 0u; i < 16u; ++i) steps[i] = 15u - steps[i];
  }
  words = uvec4(0u);
  used = 0u;
  put(64u, 7u);  // mode 6
  for (uint c = 0u; c < 3u; ++c) {
    put(from[c], 7u);
    put(to[c], 7u);
  }
  put(127u, 7u);  // alpha
  put(127u, 7u);
  put(3u, 2u);  // the lowest bits
  put(steps[0], 3u);
  for (uint i = 1u; i < 16u; ++i) put(steps[i], 4u);
  RVL_TEXEL_BLOCKS[level.texels + index] = words;
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
