// Convolution by dot products of four bytes (ops/conv2d_coopmat.h), for devices without matrix units for integers. The same
// bits as theirs. ops/staging.glsl has the tensors and the way it works; what is called a subgroup there are LANES
// invocations here, of which each makes PIXELS pixels of four outputs of every fragment.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_integer_dot_product : require
#include "ops/staging.glsl"

const int LANES = LOCAL / (SM * SN * ST);
const int QUADS = N / 4;
const int PIXELS = M * QUADS / LANES;

ivec4 sums[FM * FN * PIXELS];

int subgroupIndex() { return int(gl_LocalInvocationIndex) / LANES; }
int quad() { return int(gl_LocalInvocationIndex) % LANES % QUADS; }
int firstPixel() { return int(gl_LocalInvocationIndex) % LANES / QUADS * PIXELS; }

void clearSums() {
  [[unroll]] for (int i = 0; i < FM * FN * PIXELS; ++i) sums[i] = ivec4(0);
}

void multiply(int step, int sm, int sn, int st) {
  int a0 = firstInput(step, st) + firstPixel() * STRIDE * PITCH;
  int b0 = firstWeight(step, sn, st) + quad() * 4 * PITCH;
  [[dont_unroll]] for (int k = 0; k < CHUNKS; ++k) {
    ivec2 a[FM * PIXELS];
    [[unroll]] for (int i = 0; i < FM * PIXELS; ++i)
      a[i] = ivec2(pool[a0 + (positionOf(i / PIXELS, sm) + i % PIXELS * STRIDE) * PITCH + k]);
    [[unroll]] for (int j = 0; j < FN; ++j) {
      [[unroll]] for (int o = 0; o < 4; ++o) {
        ivec2 b = ivec2(pool[b0 + (j * N + o) * PITCH + k]);
        [[unroll]] for (int i = 0; i < FM * PIXELS; ++i)
          sums[j * FM * PIXELS + i][o] += dotPacked4x8EXT(a[i].x, b.x) + dotPacked4x8EXT(a[i].y, b.y);
      }
    }
  }
}

void stageSums(int fm, int subgroup) {
  [[unroll]] for (int j = 0; j < FN; ++j) {
    [[unroll]] for (int p = 0; p < PIXELS; ++p) {
      ivec4 sum = sums[(j * FM + fm) * PIXELS + p];
      int at = (subgroup * M + firstPixel() + p) * SUM_PITCH + (j * N + quad() * 4) / SUMS_PER_UNIT;
      pool[at] = uvec2(sum.xy);
      pool[at + 1] = uvec2(sum.zw);
    }
  }
}

#include "ops/staged_writer.glsl"
