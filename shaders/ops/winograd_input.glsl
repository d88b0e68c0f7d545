// First pass of ops/winograd.comp: v = B^T d B of every tile's 6x6 window. A lane makes both channels of a pair. Where the
// channels fill subgroups, all lanes have the same tile: each then reads a few of the window's 36 pixel scales and
// broadcasts them.

const bool ONE_TILE = PAIRS % uint(LANES) == 0u;           // in a subgroup
const int SCALE_READS = (AREA + LANES - 1) / LANES;  // of a lane, for the pixel scales of one tile

// Coordinate of the input brought inside; `inside` becomes 0 where zero padding is read.
int coordinate(int i, int size, out float inside) {
  inside = 1.0;
  if (PADDING == 0) {
    i += i < 0 ? size : 0;
    i -= i >= size ? size : 0;
    return min(i, size - 1);  // only for pixels that are not kept
  }
  inside = i >= 0 && i < size ? 1.0 : 0.0;
  return clamp(i, 0, size - 1);
}

void inputRow(inout vec2 d0, inout vec2 d1, inout vec2 d2, inout vec2 d3, inout vec2 d4, inout vec2 d5) {
  vec2 a = d4 - 4.0 * d2, b = d3 - 4.0 * d1, c = d4 - d2, e = 2.0 * (d3 - d1);
  d0 = 4.0 * (d0 - d2) + (d4 - d2);
  d5 = 4.0 * (d1 - d3) + (d5 - d3);
  d1 = a + b;
  d2 = a - b;
  d3 = c + e;
  d4 = c - e;
}

float pixelScale(uint pixel) {
  float sum = arenaF32(push.squares, pixel);
  if (HAS_X2) sum += arenaF32(push.squares2, pixel);
  return 1.0 / sqrt(sum / float(CHANNELS1 + CHANNELS2) + push.epsilon);
}

// The driver unrolls a loop only where its condition compares the counter alone.
#define SCALE_FROM(lane)                                                                               \
  if (lane < LANES) {                                                                                  \
    [[unroll]] for (int g = 0; g < SCALE_READS; ++g) {                                                 \
      if (g * LANES + lane < AREA) scales[g * LANES + lane] = subgroupBroadcast(read[g], uint(lane));  \
    }                                                                                                  \
  }

void transformInput(uint firstTile, uint v) {
  int width = int(push.size & 0xffffu), height = int(push.size >> 16);
  int lane = int(gl_SubgroupInvocationID);
  [[dont_unroll]] for (uint item0 = 0u; item0 < push.block * PAIRS; item0 += uint(LANES)) {
    uint item = item0 + uint(lane);
    uint row = item / PAIRS, pair = item % PAIRS;
    Tile tile = tileAt(firstTile + row);

    uint xs[WINDOW], ys[WINDOW];
    float insideX[WINDOW], insideY[WINDOW];
    [[unroll]] for (int i = 0; i < WINDOW; ++i) {
      xs[i] = uint(coordinate(4 * tile.x - 1 + i, width, insideX[i]));
      ys[i] = (tile.n * uint(height) + uint(coordinate(4 * tile.y - 1 + i, height, insideY[i]))) * uint(width);
    }

    bool second = HAS_X2 && pair >= PAIRS1;
    uint stride = second ? PAIRS2 : PAIRS1;
    uint local = second ? pair - PAIRS1 : pair;
    uint base = second ? push.x2 : push.x;
    vec2 d[AREA];
    [[unroll]] for (int i = 0; i < AREA; ++i) {
      d[i] = arenaPair(base, (ys[i / WINDOW] + xs[i % WINDOW]) * stride + local);
    }

    if (HAS_NORM) {
      float scales[AREA];
      if (ONE_TILE) {
        float read[SCALE_READS];
        [[unroll]] for (int g = 0; g < SCALE_READS; ++g) {
          int i = min(g * LANES + lane, AREA - 1);
          float ignored;
          uint px = uint(coordinate(4 * tile.x - 1 + i % WINDOW, width, ignored));
          uint py = uint(coordinate(4 * tile.y - 1 + i / WINDOW, height, ignored));
          read[g] = pixelScale((tile.n * uint(height) + py) * uint(width) + px);
        }
        LANES_8(SCALE_FROM, 0)
        if (LANES > 8) { LANES_8(SCALE_FROM, 8) }
      } else {
        [[unroll]] for (int i = 0; i < AREA; ++i) scales[i] = pixelScale(ys[i / WINDOW] + xs[i % WINDOW]);
      }
      // Padding channels have no parameters; what they become only has to be finite: their weights are zero.
      vec2 gain, shift = vec2(0.0);
      [[unroll]] for (int j = 0; j < 2; ++j) {
        uint c = min((second ? CHANNELS1 : 0u) + 2u * local + uint(j), CHANNELS1 + CHANNELS2 - 1u);
        gain[j] = weightF32(push.gamma, c);
        if (HAS_BETA) shift[j] = weightF32(push.beta, c);
        if (HAS_MODULATION) {
          uint at = tile.n * push.modulationStride + c;
          float scale = 1.0 + arenaF32(push.modulation, at + push.scaleAt);
          gain[j] *= scale;
          shift[j] = shift[j] * scale + arenaF32(push.modulation, at + push.shiftAt);
        }
      }
      [[unroll]] for (int i = 0; i < AREA; i += 2) {
        vec4 value = vec4(d[i] * scales[i] * gain + shift, d[i + 1] * scales[i + 1] * gain + shift);
        if (INPUT_ACTIVATION == RVL_ACTIVATION_SILU) value = silu4(value);
        d[i] = value.xy;
        d[i + 1] = value.zw;
      }
    }
    if (PADDING == 1) {
      [[unroll]] for (int i = 0; i < AREA; ++i) d[i] *= insideY[i / WINDOW] * insideX[i % WINDOW];
    }

    [[unroll]] for (int i = 0; i < WINDOW; ++i) {
      inputRow(d[i], d[WINDOW + i], d[2 * WINDOW + i], d[3 * WINDOW + i], d[4 * WINDOW + i], d[5 * WINDOW + i]);
    }
    [[unroll]] for (int i = 0; i < AREA; i += WINDOW) inputRow(d[i], d[i + 1], d[i + 2], d[i + 3], d[i + 4], d[i + 5]);
    [[unroll]] for (int i = 0; i < AREA; ++i) scratchPairStore(v + (uint(i) * push.block + row) * PAIRS + pair, d[i]);
  }
}
