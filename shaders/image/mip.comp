// One mip level from the one before: the mean, in linear light, of the area a texel covers. A side of odd length covers
// parts of three texels.
//
//   input   a level of the picture [sourceHeight,sourceWidth] vec4
//   output  the next, each side max(1, floor(side / 2))
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint source;
  uint destination;
  uint sourceWidth;
  uint sourceHeight;
  uint width;
  uint height;
} push;

#include "image/texels.glsl"

// Texels [first, last] are covered, the first and the last of them by `firstPart` and `lastPart`.
struct Cover {
  uint first;
  uint last;
  float firstPart;
  float lastPart;
};

Cover cover(uint i, uint side, uint sourceSide) {
  // In units of 1 / side of a source texel: exact.
  uint begin = i * sourceSide, end = begin + sourceSide;
  Cover c;
  c.first = begin / side;
  c.last = (end - 1u) / side;
  c.firstPart = float(min((c.first + 1u) * side, end) - begin) / float(sourceSide);
  c.lastPart = c.last == c.first ? c.firstPart : float(end - c.last * side) / float(sourceSide);
  return c;
}

float part(Cover c, uint i, uint side, uint sourceSide) {
  return i == c.first ? c.firstPart : i == c.last ? c.lastPart : float(side) / float(sourceSide);
}

void main() {
  uvec2 at = gl_GlobalInvocationID.xy;
  if (at.x >= push.width || at.y >= push.height) return;
  Cover columns = cover(at.x, push.width, push.sourceWidth), rows = cover(at.y, push.height, push.sourceHeight);
  vec3 sum = vec3(0.0);
  for (uint y = rows.first; y <= rows.last; ++y) {
    float rowPart = part(rows, y, push.height, push.sourceHeight);
    for (uint x = columns.first; x <= columns.last; ++x) {
      vec3 rgb = arenaF32x4(push.source, y * push.sourceWidth + x).rgb;
      sum += rowPart * part(columns, x, push.width, push.sourceWidth) * linearFromEncoded(rgb);
    }
  }
  arenaF32x4Store(push.destination, at.y * push.width + at.x, vec4(encodedFromLinear(sum), 1.0));
}
