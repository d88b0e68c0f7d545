// Convolution of single pixels (1x1, stride 1) as a matrix product (ops/pointwise.h).
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   weights  [O / (LANES * Q)][I / 2][Q][LANES][2] float; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,H,W,O] = (activation(product + bias + laneBias) + residual) * outputScale
//            UPSAMPLE: y [N,2H,2W,O], each pixel 2x2 times; no residual
//            SQUARES: of each pixel of y, the sum over channels of y^2, for an RMS norm of y; one column of outputs
//
// A subgroup makes `block` pixels of Q * LANES outputs. Its lanes are values of x when it reads and outputs when it
// multiplies: each value is broadcast to all lanes. The weights stay with the lanes while the pixels go by. A lane has
// neighbouring outputs, 2i and 2i + 1, in neighbouring vectors, so that they are stored as one.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"

layout(local_size_x_id = 0) in;  // one subgroup
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int ACTIVATION = 0;
layout(constant_id = 4) const int PAIRS1 = 4;      // padded channels of x / 2
layout(constant_id = 5) const int PAIRS2 = 0;      // of x2
layout(constant_id = 6) const uint OUT_PAIRS = 8u;  // of y
layout(constant_id = 7) const int ROWS = 4;        // pixels in one turn of the loop
layout(constant_id = 8) const int Q = 2;           // vectors of outputs, even

const bool HAS_RESIDUAL = (FLAGS & 1u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 2u) != 0u;
const bool UPSAMPLE = (FLAGS & 4u) != 0u;
const bool WHOLE_TURNS = (FLAGS & 8u) != 0u;  // ROWS divides the pixels
const bool SQUARES = (FLAGS & 16u) != 0u;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint y;
  uint weight;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint pixels;   // N * H * W
  uint area;     // H * W
  uint width;    // W
  uint block;    // pixels of a workgroup, a multiple of ROWS
  uint outputs;  // O, unpadded
  uint squares;
  float outputScale;
} push;

const int PAIRS = PAIRS1 + PAIRS2;
const int READS1 = (ROWS * PAIRS1 + LANES - 1) / LANES;
const int READS2 = (ROWS * PAIRS2 + LANES - 1) / LANES;

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
// The driver unrolls a loop only where its condition compares the counter alone.
#define BROADCAST(lane, reads, pairs, read, first)                                     \
  if (lane < LANES) {                                                                  \
    [[unroll]] for (int g = 0; g < reads; ++g) {                                       \
      int i = g * LANES + lane;                                                        \
      if (i < ROWS * pairs) {                                                          \
        int to = i / pairs * PAIRS + first + i % pairs;                                \
        value[2 * to] = subgroupBroadcast(read[g].x, uint(lane));                      \
        value[2 * to + 1] = subgroupBroadcast(read[g].y, uint(lane));                  \
      }                                                                                \
    }                                                                                  \
  }
#define ADD_FROM(lane) \
  if (lane < LANES) squares += subgroupBroadcast(mine, uint(lane));
#define BROADCAST_1(lane) BROADCAST(lane, READS1, PAIRS1, read1, 0)
#define BROADCAST_2(lane) BROADCAST(lane, READS2, PAIRS2, read2, PAIRS1)

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint column = gl_WorkGroupID.x;
  uint first = gl_WorkGroupID.y * push.block;
  uint end = min(first + push.block, push.pixels);
  vec2 weight[PAIRS * Q];
  [[unroll]] for (int i = 0; i < PAIRS * Q; ++i) {
    weight[i] = weightF32Pair(push.weight, column * uint(PAIRS * Q * LANES) + uint(i * LANES) + lane);
  }
  uint pair0 = column * uint(Q / 2 * LANES) + lane;  // of outputs
  vec2 bias[Q / 2];
  [[unroll]] for (int p = 0; p < Q / 2; ++p) bias[p] = weightF32Pair(push.bias, pair0 + uint(p * LANES));

  [[dont_unroll]] for (uint r = first; r < end; r += uint(ROWS)) {
    // Pixels past the last read the last again, and are not stored.
    vec2 read1[READS1];
    [[unroll]] for (int g = 0; g < READS1; ++g) {
      uint i = r * uint(PAIRS1) + uint(g * LANES) + lane;
      if (!WHOLE_TURNS || ROWS * PAIRS1 % LANES != 0) i = min(i, push.pixels * uint(PAIRS1) - 1u);
      read1[g] = arenaPair(push.x, i);
    }
    float value[ROWS * PAIRS * 2];
    LANES_8(BROADCAST_1, 0)
    if (LANES > 8) { LANES_8(BROADCAST_1, 8) }
    if (PAIRS2 != 0) {
      vec2 read2[READS2 + 1];
      [[unroll]] for (int g = 0; g < READS2; ++g) {
        uint i = r * uint(PAIRS2) + uint(g * LANES) + lane;
        if (!WHOLE_TURNS || ROWS * PAIRS2 % LANES != 0) i = min(i, push.pixels * uint(PAIRS2) - 1u);
        read2[g] = arenaPair(push.x2, i);
      }
      LANES_8(BROADCAST_2, 0)
      if (LANES > 8) { LANES_8(BROADCAST_2, 8) }
    }

    [[unroll]] for (int row = 0; row < ROWS; ++row) {
      float sum[Q];
      [[unroll]] for (int q = 0; q < Q; ++q) {
        float even = 0.0, odd = 0.0;  // two chains of additions: one alone would wait for itself
        [[unroll]] for (int s = 0; s < PAIRS; ++s) {
          even += value[2 * (row * PAIRS + s)] * weight[s * Q + q].x;
          odd += value[2 * (row * PAIRS + s) + 1] * weight[s * Q + q].y;
        }
        sum[q] = even + odd;
      }
      uint pixel = r + uint(row);
      if (WHOLE_TURNS || pixel < push.pixels) {
        uint to = pixel;
        if (UPSAMPLE) {
          uint y = pixel / push.width;
          to = 4u * y * push.width + 2u * (pixel - y * push.width);
        }
        uint below = to + 2u * push.width;
        float mine = 0.0;
        [[unroll]] for (int p = 0; p < Q / 2; ++p) {
          uint pair = pair0 + uint(p * LANES);
          vec2 both = vec2(sum[2 * p], sum[2 * p + 1]) + bias[p];
          if (HAS_LANE_BIAS) {
            uint at = pixel / push.area * push.laneBiasStride + push.laneBiasAt;
            [[unroll]] for (uint j = 0u; j < 2u; ++j) {
              uint o = 2u * pair + j;
              float term = arenaF32(push.laneBias, at + min(o, push.outputs - 1u));
              both[j] += o < push.outputs ? term : 0.0;
            }
          }
          both = vec2(activate1(ACTIVATION, both.x), activate1(ACTIVATION, both.y));
          if (HAS_RESIDUAL) both += arenaPair(push.residual, to * OUT_PAIRS + pair);
          both *= push.outputScale;
          arenaPairStore(push.y, to * OUT_PAIRS + pair, both);
          mine += dot(both, both);
          if (UPSAMPLE) {
            arenaPairStore(push.y, (to + 1u) * OUT_PAIRS + pair, both);
            arenaPairStore(push.y, below * OUT_PAIRS + pair, both);
            arenaPairStore(push.y, (below + 1u) * OUT_PAIRS + pair, both);
          }
        }
        if (SQUARES) {
          float squares = 0.0;  // made by all lanes in the same, fixed order
          LANES_8(ADD_FROM, 0)
          if (LANES > 8) { LANES_8(ADD_FROM, 8) }
          if (lane < (UPSAMPLE ? 4u : 1u)) {
            arenaF32Store(push.squares, ((lane & 2u) != 0u ? below : to) + (lane & 1u), squares);
          }
        }
      }
    }
  }
}
