// What the kernels that make an image share. Two buffers: the texel buffer (arenaAddress, read and written) and, for the
// first kernel, the lanes' arena (weightAddress, read).
//
// In the texel buffer every mip level of the picture lies as vec4 per texel, row by row: R, G, B in [-1, 1], encoded as
// sRGB is (byte = round(127.5 (v + 1))), and 1. Behind the levels lie their texels in the image's format. Offsets are in
// units of 16 bytes, so a picture's texel is one unit.
#ifndef RVL_IMAGE_TEXELS_GLSL
#define RVL_IMAGE_TEXELS_GLSL

#if RVL_BDA
layout(buffer_reference, std430, buffer_reference_align = 4) buffer TexelWords { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer TexelPairs { uvec2 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer TexelBlocks { uvec4 v[]; };
#define RVL_TEXEL_WORDS TexelWords(push.arenaAddress).v
#define RVL_TEXEL_PAIRS TexelPairs(push.arenaAddress).v
#define RVL_TEXEL_BLOCKS TexelBlocks(push.arenaAddress).v
#else
layout(set = 0, binding = 0, std430) buffer TexelWords { uint v[]; } texelWords_;
layout(set = 0, binding = 0, std430) buffer TexelPairs { uvec2 v[]; } texelPairs_;
layout(set = 0, binding = 0, std430) buffer TexelBlocks { uvec4 v[]; } texelBlocks_;
#define RVL_TEXEL_WORDS texelWords_.v
#define RVL_TEXEL_PAIRS texelPairs_.v
#define RVL_TEXEL_BLOCKS texelBlocks_.v
#endif

#define RVL_WORDS_PER_UNIT 4u
#define RVL_PAIRS_PER_UNIT 2u

// A level, and the next smaller one behind it.
struct Level {
  uint picture;  // where its picture is, and where its texels
  uint texels;
  uvec2 size;
};

// As engine::ImageOutput lays them out.
Level nextLevel(Level level) {
  uvec2 blocks = (level.size + 3u) / 4u;
  uint area = level.size.x * level.size.y;
  return Level(level.picture + area, level.texels + max((area + 1u) / 2u, blocks.x * blocks.y),
               max(level.size / 2u, uvec2(1u)));
}

// IEC 61966-2-1, from [-1, 1] to linear light in [0, 1] and back.
vec3 linearFromEncoded(vec3 v) {
  vec3 c = 0.5 * v + 0.5;
  return mix(pow((c + 0.055) / 1.055, vec3(2.4)), c / 12.92, lessThanEqual(c, vec3(0.04045)));
}

vec3 encodedFromLinear(vec3 l) {
  vec3 c = mix(1.055 * pow(l, vec3(1.0 / 2.4)) - 0.055, 12.92 * l, lessThanEqual(l, vec3(0.0031308)));
  return clamp(2.0 * c - 1.0, vec3(-1.0), vec3(1.0));
}

#endif
