// Fitting a line through the sixteen colours of a 4x4 block, for block compression. Colours are in bytes, 0 to 255.
#ifndef RVL_IMAGE_BLOCK_GLSL
#define RVL_IMAGE_BLOCK_GLSL

vec3 block[16];

// Texels past the edge of a small level repeat its last ones.
void loadBlock(Level level, uvec2 at) {
  for (uint i = 0u; i < 16u; ++i) {
    uvec2 texel = min(at * 4u + uvec2(i & 3u, i >> 2), level.size - 1u);
    vec3 v = arenaF32x4(level.picture, texel.y * level.size.x + texel.x).rgb;
    block[i] = clamp(127.5 * (v + 1.0), vec3(0.0), vec3(255.0));
  }
}

// The ends of the colours along their principal axis (power iteration on the covariance).
void fitLine(out vec3 low, out vec3 high) {
  vec3 mean = vec3(0.0);
  for (uint i = 0u; i < 16u; ++i) mean += block[i];
  mean /= 16.0;
  vec3 diagonal = vec3(0.0), off = vec3(0.0);  // xx yy zz, xy xz yz
  for (uint i = 0u; i < 16u; ++i) {
    vec3 d = block[i] - mean;
    diagonal += d * d;
    off += d.xxy * d.yzz;
  }
  // Begin with the row of the covariance whose channel varies most: never orthogonal to the axis.
  vec3 axis = diagonal.x >= diagonal.y && diagonal.x >= diagonal.z ? vec3(diagonal.x, off.x, off.y)
              : diagonal.y >= diagonal.z                            ? vec3(off.x, diagonal.y, off.z)
                                                                    : vec3(off.y, off.z, diagonal.z);
  for (uint k = 0u; k < 6u; ++k) {
    float size = max(max(abs(axis.x), abs(axis.y)), abs(axis.z));
    if (size < 1e-6) break;
    axis /= size;
    axis = vec3(dot(axis, vec3(diagonal.x, off.x, off.y)), dot(axis, vec3(off.x, diagonal.y, off.z)),
                dot(axis, vec3(off.y, off.z, diagonal.z)));
  }
  float size = length(axis);
  axis = size < 1e-6 ? vec3(0.0) : axis / size;
  float least = 0.0, most = 0.0;
  for (uint i = 0u; i < 16u; ++i) {
    float along = dot(block[i] - mean, axis);
    least = i == 0u ? along : min(least, along);
    most = i == 0u ? along : max(most, along);
  }
  low = clamp(mean + least * axis, vec3(0.0), vec3(255.0));
  high = clamp(mean + most * axis, vec3(0.0), vec3(255.0));
}

// Least squares for the ends, given how far along (0 to 1) each colour was placed. Keeps them where the colours all
// share one place.
void refineLine(float place[16], inout vec3 low, inout vec3 high) {
  float aa = 0.0, ab = 0.0, bb = 0.0;
  vec3 ax = vec3(0.0), bx = vec3(0.0);
  for (uint i = 0u; i < 16u; ++i) {
    float b = place[i], a = 1.0 - b;
    aa += a * a;
    ab += a * b;
    bb += b * b;
    ax += a * block[i];
    bx += b * block[i];
  }
  float determinant = aa * bb - ab * ab;
  if (determinant < 1e-3) return;
  low = clamp((ax * bb - bx * ab) / determinant, vec3(0.0), vec3(255.0));
  high = clamp((bx * aa - ax * ab) / determinant, vec3(0.0), vec3(255.0));
}

#endif
