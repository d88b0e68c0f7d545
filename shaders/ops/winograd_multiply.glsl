// The products of Winograd's convolution (ops/winograd.h): m = v u, of four tiles and a column of 2 * LANES outputs.
//
//   v  [4][DEPTH] float, of 2 * LANES channels each in the order that winograd_input.glsl leaves them in
//   u  [DEPTH][2][LANES] float
//   m  2 * LANES floats a tile, in the order [LANES][2] of u's
//
// Lanes are outputs: a value of v is one for all of them, and neighbouring weights are a vector (shared/uniform.glsl).
// Include behind that, CHUNK, DEPTH and the push constants.
#ifndef RVL_WINOGRAD_MULTIPLY_GLSL
#define RVL_WINOGRAD_MULTIPLY_GLSL

const int TILES = 4;

// From float vAt and uAt of v and u on; tile t is stored `pairs` * t pairs of floats from m.
void multiply(uint64_t v, int vAt, uint64_t u, int uAt, uint64_t m, uint pairs) {
  const int depth = int(DEPTH);
  uint zero = push.identity[0];
  vec2 sum[TILES];
  [[unroll]] for (int t = 0; t < TILES; ++t) sum[t] = vec2(0.0);
  float kept[2 * TILES];
  [[unroll]] for (int chunk = 0; chunk < depth / CHUNK; ++chunk) {
    [[unroll]] for (int i = 0; i < CHUNK; ++i) {
      // Where winograd_input.glsl puts this channel.
      const int k = chunk * CHUNK + i, within = k % (2 * LANES);
#if RVL_F16
      const int at = k;
#else
      const int at = k - within + (within < LANES ? 2 * within : 2 * (within - LANES) + 1);
#endif
      vec2 weight = vec2(laneFloats(u, uAt + k * 2 * LANES), laneFloats(u, uAt + k * 2 * LANES + LANES));
      [[unroll]] for (int t = 0; t < TILES; ++t) sum[t] += UniformFloats(v).v[vAt + t * depth + at] * weight;
    }
    [[unroll]] for (int t = 0; t < TILES; ++t) {
      kept[2 * t] = sum[t].x;
      kept[2 * t + 1] = sum[t].y;
    }
  }
  sum[0].x = kept[zero];
  [[unroll]] for (int t = 0; t < TILES; ++t) {
    UniformPairs(m).v[uint(t) * pairs + gl_SubgroupInvocationID] = pack64(floatBitsToUint(sum[t]));
  }
}

#endif
