// Mip levels, each from the one before: the mean, in linear light, of the area a texel covers. A side of odd length covers
// parts of three texels. More than one level at once is for small ones: the work of one workgroup.
//
//   input   a level of the picture [H,W] vec4
//   output  the next ones, each side max(1, floor(side / 2))
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint source;
  uint width;  // of the source
  uint height;
  uint levels;
  uint columns;  // of workgroups of the whole dispatch, and rows (shared/tensor.glsl)
  uint rows;
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

void average(Level from, Level to, uvec2 at) {
  Cover columns = cover(at.x, to.size.x, from.size.x), rows = cover(at.y, to.size.y, from.size.y);
  vec3 sum = vec3(0.0);
  for (uint y = rows.first; y <= rows.last; ++y) {
    float rowPart = part(rows, y, to.size.y, from.size.y);
    for (uint x = columns.first; x <= columns.last; ++x) {
      vec3 rgb = arenaF32x4(from.picture, y * from.size.x + x).rgb;
      sum += rowPart * part(columns, x, to.size.x, from.size.x) * linearFromEncoded(rgb);
    }
  }
  arenaF32x4Store(to.picture, at.y * to.size.x + at.x, vec4(encodedFromLinear(sum), 1.0));
}

void main() {
  Level from = Level(push.source, 0u, uvec2(push.width, push.height)), to = nextLevel(from);
  for (uint level = 0u; level < push.levels; ++level) {
    for (uint y = gl_GlobalInvocationID.y; y < to.size.y; y += push.rows * gl_WorkGroupSize.y)
      for (uint x = gl_GlobalInvocationID.x; x < to.size.x; x += push.columns * gl_WorkGroupSize.x)
        average(from, to, uvec2(x, y));
    groupMemoryBarrier();
    barrier();
    from = to;
    to = nextLevel(from);
  }
}
