// Levels of the picture, one behind the other, as texels of an uncompressed image: RGBA8 holds the encoded bytes (an SRGB
// view decodes them), RGBA16F linear light.
//
//   input   a level of the picture [H,W] vec4, and those below it
//   output  their texels, 4 or 8 bytes each
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool HALF_FLOATS = false;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint source;
  uint destination;
  uint width;
  uint height;
  uint levels;
  uint groups;  // of the whole dispatch (shared/tensor.glsl)
} push;

#include "image/texels.glsl"

// round(127.5 (v + 1)), halves upwards, as rivulet::imageFromChw.
uint byteOf(float v) {
  precise float scaled = 127.5 * (v + 1.0);
  float whole = floor(scaled);
  return min(uint(whole) + (scaled - whole >= 0.5 ? 1u : 0u), 255u);
}

void store(Level level, uint i) {
  vec3 v = arenaF32x4(level.picture, i).rgb;
  if (HALF_FLOATS) {
    vec3 light = linearFromEncoded(v);
    RVL_TEXEL_PAIRS[level.texels * RVL_PAIRS_PER_UNIT + i] =
        uvec2(packHalf2x16(light.rg), packHalf2x16(vec2(light.b, 1.0)));
  } else {
    RVL_TEXEL_WORDS[level.texels * RVL_WORDS_PER_UNIT + i] =
        byteOf(v.r) | byteOf(v.g) << 8 | byteOf(v.b) << 16 | 0xff000000u;
  }
}

void main() {
  Level level = Level(push.source, push.destination, uvec2(push.width, push.height));
  for (uint done = 0u; done < push.levels; ++done, level = nextLevel(level)) {
    uint texels = level.size.x * level.size.y;
    for (uint i = gl_GlobalInvocationID.x; i < texels; i += push.groups * 64u) store(level, i);
  }
}
