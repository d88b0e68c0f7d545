// Second pass of ops/winograd.comp: 36 matrix products m = v u. Lanes are values of v when they read and outputs when they
// multiply: each value is broadcast to all lanes. The weights of DEPTH channels stay with the lanes while the tiles go by,
// so nothing but addresses is carried around that loop. A lane has neighbouring outputs, 2i and 2i + 1, in neighbouring
// vectors, so that they are stored as one.

const int STEPS = DEPTH / 2;
const int READS = (ROWS * STEPS + LANES - 1) / LANES;
const bool WHOLE_DEPTH = uint(DEPTH) == 2u * PAIRS;  // DEPTH channels are all there are
const uint COLUMNS = 2u * OUT_PAIRS / uint(LANES * Q);

// The driver unrolls a loop only where its condition compares the counter alone.
#define BROADCAST_FROM(lane)                                                          \
  if (lane < LANES) {                                                                 \
    [[unroll]] for (int g = 0; g < READS; ++g) {                                      \
      if (g * LANES + lane < ROWS * STEPS) {                                          \
        value[2 * (g * LANES + lane)] = subgroupBroadcast(read[g].x, uint(lane));     \
        value[2 * (g * LANES + lane) + 1] = subgroupBroadcast(read[g].y, uint(lane)); \
      }                                                                               \
    }                                                                                 \
  }

void multiply(uint v, uint m) {
  uint lane = gl_SubgroupInvocationID;
  // Matrices, columns of outputs, depths: one loop.
  const uint depths = WHOLE_DEPTH ? 1u : PAIRS / uint(STEPS);
  [[dont_unroll]] for (uint turn = 0u; turn < uint(AREA) * COLUMNS * depths; ++turn) {
    uint first = WHOLE_DEPTH ? 0u : turn % depths * uint(STEPS);  // pair of channels
    uint column = turn / depths;                                  // of all matrices
    uint matrix = column / COLUMNS;
    vec2 weight[STEPS * Q];
    [[unroll]] for (int i = 0; i < STEPS * Q; ++i) {
      weight[i] = weightF32Pair(push.u, (column * PAIRS + first) * uint(Q * LANES) + uint(i * LANES) + lane);
    }
    uint from = v + matrix * push.block * PAIRS;
    uint to = 2u * (m + matrix * push.block * OUT_PAIRS) + column % COLUMNS * uint(Q * LANES);

    [[dont_unroll]] for (uint r = 0u; r < push.block; r += ROWS) {
      vec2 read[READS];
      [[unroll]] for (int g = 0; g < READS; ++g) {
        uint i = uint(g * LANES) + lane;
        if (ROWS * STEPS % LANES != 0) i = min(i, uint(ROWS * STEPS - 1));
        read[g] = scratchPair(from + r * PAIRS + (WHOLE_DEPTH ? i : i / STEPS * PAIRS + first + i % STEPS));
      }
      float value[ROWS * DEPTH];
      LANES_8(BROADCAST_FROM, 0)
      if (LANES > 8) { LANES_8(BROADCAST_FROM, 8) }

      [[unroll]] for (int row = 0; row < ROWS; ++row) {
        float sum[Q];
        [[unroll]] for (int q = 0; q < Q; ++q) {
          float even = 0.0, odd = 0.0;  // two chains of additions: one alone would wait for itself
          [[unroll]] for (int s = 0; s < STEPS; ++s) {
            even += value[row * DEPTH + 2 * s] * weight[s * Q + q].x;
            odd += value[row * DEPTH + 2 * s + 1] * weight[s * Q + q].y;
          }
          sum[q] = even + odd;
        }
        // What earlier depths left is read either way: an access in a condition is slow.
        uint at = to + (r + uint(row)) * 2u * OUT_PAIRS;
        if (Q == 1) {
          if (!WHOLE_DEPTH) {
            float before = SCRATCH_FLOATS[at + lane];
            sum[0] += first != 0u ? before : 0.0;
          }
          SCRATCH_FLOATS[at + lane] = sum[0];
        } else {
          [[unroll]] for (int p = 0; p < Q / 2; ++p) {
            vec2 both = vec2(sum[2 * p], sum[2 * p + 1]);
            uint pair = at / 2u + uint(p * LANES) + lane;
            if (!WHOLE_DEPTH) {
              vec2 before = scratchPair(pair);
              both += first != 0u ? before : vec2(0.0);
            }
            scratchPairStore(pair, both);
          }
        }
      }
    }
  }
}
