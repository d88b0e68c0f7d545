// Sinusoidal embedding of scalars, and channels passed on as they are.
//
//   input   source [N,1,1,M] float
//   weights one row of four words a feature: frequency, input scale, channel of the source, and
//           what it is (0 zero, 1 copy, 2 sine, 3 cosine)
//   output  [N,1,1,features] float
//
// Sine and cosine are computed here: drivers may return them with an absolute error of 2^-11, and only up to pi.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint source;
  uint y;
  uint table;
  uint sourceStride;
  uint features;  // padded
} push;

// sin(x), or cos(x), for |x| up to 10^4: absolute error below 2e-7 plus that of the fourth part of pi/2 left out. Cody
// & Waite, "Software manual for the elementary functions", 1980: pi/2 in parts of few bits, so that products with the
// quadrant are exact. Polynomials of Cephes sinf and cosf on [-pi/4, pi/4].
float sine(float x, bool cosine) {
  precise float quadrant = floor(x * 0.636619772 + 0.5);
  precise float r = x - quadrant * 1.5703125;   // 8 bits
  r = r - quadrant * 4.837512969970703125e-4;   // 11 bits
  r = r - quadrant * 7.549789948768648e-8;
  int n = int(quadrant) + (cosine ? 1 : 0);
  float z = r * r;
  float s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
  float c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  float v = (n & 1) != 0 ? c : s;
  return (n & 2) != 0 ? -v : v;
}

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i >= push.features) return;
  vec4 row = weightF32x4(push.table, i);
  float v = 0.0;
  if (row.w > 0.5) {
    v = arenaF32(push.source, gl_WorkGroupID.y * push.sourceStride + uint(row.z));
    if (row.w > 1.5) {
      precise float scaled = v * row.y;
      precise float angle = scaled * row.x;
      v = sine(angle, row.w > 2.5);
    }
  }
  arenaF32Store(push.y, gl_WorkGroupID.y * push.features + i, v);
}
