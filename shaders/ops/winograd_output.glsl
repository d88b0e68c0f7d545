// Last pass of ops/winograd.comp: y = A^T m A, 4x4 pixels a tile.

void outputRow(vec2 m0, vec2 m1, vec2 m2, vec2 m3, vec2 m4, vec2 m5, out vec2 y0, out vec2 y1, out vec2 y2, out vec2 y3) {
  vec2 a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;
  y0 = m0 + a + c;
  y1 = b + 2.0 * d;
  y2 = a + 4.0 * c;
  y3 = b + 8.0 * d + m5;
}

#define ADD_FROM(lane) \
  if (lane < LANES) sum += subgroupBroadcast(partial[i], uint(lane));

void transformOutput(uint firstTile, uint m) {
  uint lane = gl_SubgroupInvocationID;
  uint width = push.size & 0xffffu, height = push.size >> 16;
  uint count = min(push.block, push.tiles - firstTile);
  [[dont_unroll]] for (uint row = 0u; row < count; ++row) {
    Tile tile = tileAt(firstTile + row);
    uint tileX = uint(tile.x), tileY = uint(tile.y);
    uint corner = (tile.n * height + 4u * tileY) * width + 4u * tileX;

    float partial[16];
    [[unroll]] for (int i = 0; i < 16; ++i) partial[i] = 0.0;

    [[dont_unroll]] for (uint first = 0u; first < OUT_PAIRS; first += uint(LANES)) {
      uint pair = first + lane;
      if (OUT_PAIRS % uint(LANES) == 0u || pair < OUT_PAIRS) {
        vec2 h[4 * 6];
        [[unroll]] for (int j = 0; j < 6; ++j) {
          vec2 k[6];
          [[unroll]] for (int i = 0; i < 6; ++i) {
            k[i] = scratchPair(m + (uint(6 * i + j) * push.block + row) * OUT_PAIRS + pair);
          }
          outputRow(k[0], k[1], k[2], k[3], k[4], k[5], h[j], h[6 + j], h[12 + j], h[18 + j]);
        }
        vec2 bias = weightF32Pair(push.bias, pair);
        if (HAS_LANE_BIAS) {
          [[unroll]] for (uint j = 0u; j < 2u; ++j) {
            uint o = 2u * pair + j;
            uint at = tile.n * push.laneBiasStride + push.laneBiasAt + min(o, OUTPUTS - 1u);
            float value = arenaF32(push.laneBias, at);
            bias[j] += o < OUTPUTS ? value : 0.0;
          }
        }
        [[unroll]] for (int i = 0; i < 4; ++i) {
          vec2 y[4];
          outputRow(h[6 * i], h[6 * i + 1], h[6 * i + 2], h[6 * i + 3], h[6 * i + 4], h[6 * i + 5], y[0], y[1], y[2],
                    y[3]);
          [[unroll]] for (int j = 0; j < 4; ++j) {
            if (WHOLE_TILES || (4u * tileY + uint(i) < height && 4u * tileX + uint(j) < width)) {
              uint at = (corner + uint(i) * width + uint(j)) * OUT_PAIRS + pair;
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
          mine = lane + uint(first) == uint(i) ? sum : mine;
        }
        uint i = uint(first) + lane;
        if (i < 16u && (WHOLE_TILES || (4u * tileY + i / 4u < height && 4u * tileX + i % 4u < width))) {
          arenaF32Store(push.squaresOut, corner + i / 4u * width + i % 4u, mine);
        }
      }
    }
  }
}
