// Winograd convolution, last of three kernels: the output transform A^T m A of F(4x4, 3x3) (ops/winograd.h).
//
//   input    m [36][tiles, padded to 4][O] float
//   bias     O floats, padded; laneBias: a slice of [N,1,1,M] float; residual [N,H,W,O]
//   output   y [N,H,W,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//   squares  [N*H*W] floats: the sums over channels of y^2, for an RMS norm of y
//
// A subgroup makes the 4x4 pixels of one tile, all channels.
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
layout(constant_id = 4) const uint PAIRS = 4u;  // O, padded, / 2

const bool HAS_RESIDUAL = (FLAGS & 1u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 2u) != 0u;
const bool SQUARES = (FLAGS & 4u) != 0u;
const bool WHOLE_TILES = (FLAGS & 8u) != 0u;  // H and W are multiples of 4
const bool EXACT_GRID = (FLAGS & 16u) != 0u;  // no workgroup too many

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint m;
  uint y;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint squares;
  uint size;  // W | H << 16
  uint tilesWide;
  uint tilesHigh;
  uint tiles;
  uint rows;     // tiles, padded
  uint outputs;  // O, unpadded
  float outputScale;
  uint groups;  // of the whole dispatch along x (shared/tensor.glsl)
} push;

void transform(vec2 m0, vec2 m1, vec2 m2, vec2 m3, vec2 m4, vec2 m5, out vec2 y0, out vec2 y1, out vec2 y2,
               out vec2 y3) {
  vec2 a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;
  y0 = m0 + a + c;
  y1 = b + 2.0 * d;
  y2 = a + 4.0 * c;
  y3 = b + 8.0 * d + m5;
}

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define ADD_FROM(lane) \
  if (lane < LANES) sum += subgroupBroadcast(partial[i], uint(lane));

void main() {
  uint lane = gl_SubgroupInvocationID;
  uint tile = gl_WorkGroupID.y * push.groups + gl_WorkGroupID.x;
  if (!EXACT_GRID && tile >= push.tiles) return;
  uint tileX = tile % push.tilesWide, tileY = tile / push.tilesWide % push.tilesHigh;
  uint n = tile / (push.tilesWide * push.tilesHigh);
  uint width = push.size & 0xffffu, height = push.size >> 16;
  uint corner = (n * height + 4u * tileY) * width + 4u * tileX;

  float partial[16];
  [[unroll]] for (int i = 0; i < 16; ++i) partial[i] = 0.0;

  [[dont_unroll]] for (uint first = 0u; first < PAIRS; first += LANES) {
    uint pair = first + lane;
    if (PAIRS % LANES == 0u || pair < PAIRS) {
      vec2 h[4 * 6];
      [[unroll]] for (int j = 0; j < 6; ++j) {
        vec2 m[6];
        [[unroll]] for (int i = 0; i < 6; ++i) {
          m[i] = arenaF32Pair(push.m, (uint(6 * i + j) * push.rows + tile) * PAIRS + pair);
        }
        transform(m[0], m[1], m[2], m[3], m[4], m[5], h[j], h[6 + j], h[12 + j], h[18 + j]);
      }
      vec2 bias = weightF32Pair(push.bias, pair);
      if (HAS_LANE_BIAS) {
        [[unroll]] for (uint j = 0u; j < 2u; ++j) {
          uint o = 2u * pair + j;
          float value = arenaF32(push.laneBias, n * push.laneBiasStride + push.laneBiasAt + min(o, push.outputs - 1u));
          bias[j] += o < push.outputs ? value : 0.0;
        }
      }
      [[unroll]] for (int i = 0; i < 4; ++i) {
        vec2 y[4];
        transform(h[6 * i], h[6 * i + 1], h[6 * i + 2], h[6 * i + 3], h[6 * i + 4], h[6 * i + 5], y[0], y[1], y[2],
                  y[3]);
        [[unroll]] for (int j = 0; j < 4; ++j) {
          if (WHOLE_TILES || (4u * tileY + uint(i) < height && 4u * tileX + uint(j) < width)) {
            uint at = (corner + uint(i) * width + uint(j)) * PAIRS + pair;
            vec2 value = y[j] + bias;
            value = vec2(activate1(ACTIVATION, value.x), activate1(ACTIVATION, value.y));
            if (HAS_RESIDUAL) value += arenaPair(push.residual, at);
            value *= push.outputScale;
            arenaPairStore(push.y, at, value);
            if (SQUARES) partial[4 * i + j] += dot(value, value);
          }
        }
      }
    }
  }

  if (SQUARES) {
    // Lane i stores pixel i: the sums are made by all lanes in the same, fixed order.
    [[unroll]] for (int first = 0; first < 16; first += LANES) {
      float mine = 0.0;
      [[unroll]] for (int j = 0; j < min(LANES, 16); ++j) {
        int i = first + j;
        float sum = 0.0;
        LANES_8(ADD_FROM, 0)
        if (LANES > 8) { LANES_8(ADD_FROM, 8) }
        if (LANES > 16) { LANES_8(ADD_FROM, 16) LANES_8(ADD_FROM, 24) }
        mine = lane + uint(first) == uint(i) ? sum : mine;
      }
      uint i = uint(first) + lane;
      if (i < 16u && (WHOLE_TILES || (4u * tileY + i / 4u < height && 4u * tileX + i % 4u < width))) {
        arenaF32Store(push.squares, corner + i / 4u * width + i % 4u, mine);
      }
    }
  }
}
