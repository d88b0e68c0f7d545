// The output transform of Winograd's convolution (ops/winograd.h): y = A^T m A, 4x4 pixels a tile.
//
//   m        of each column of 2 * LANES channels in the order that winograd_multiply.glsl leaves them in
//   bias O floats, padded; laneBias a slice of [N,1,1,M] float; residual [N,H,W,O] in storage type
//   output   y [N,H,W,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//            outputSquares of y: [COLUMNS][plane] floats, the sums over a column's channels of y^2, for an RMS norm of y
//
// A subgroup makes one tile of a column; a lane has two neighbouring channels, so that they are stored as one. All loads
// of m are uniform ones (shared/uniform.glsl): the weights' order makes up for it.
//
// Include behind shared/uniform.glsl, the constants named in capitals here that it does not define
// (ops/winograd_output.comp says what they are), and the push constants of the same names.
#ifndef RVL_WINOGRAD_OUTPUT_GLSL
#define RVL_WINOGRAD_OUTPUT_GLSL

const bool HAS_RESIDUAL = (FLAGS & 8u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 16u) != 0u;
const bool SQUARES = (FLAGS & 32u) != 0u;      // of y
const bool WHOLE_TILES = (FLAGS & 64u) != 0u;  // H and W are multiples of 4, and no tile is padding
const uint OUT_PAIRS = (OUTPUTS + 7u) / 8u * 4u;
const uint COLUMN = uint(2 * LANES);
const uint COLUMNS = (2u * OUT_PAIRS + COLUMN - 1u) / COLUMN;
const bool WHOLE_COLUMNS = 2u * OUT_PAIRS % COLUMN == 0u;

const int TILE = 4, ROW = 6;

void outputRow(vec2 m0, vec2 m1, vec2 m2, vec2 m3, vec2 m4, vec2 m5, out vec2 y0, out vec2 y1, out vec2 y2, out vec2 y3) {
  vec2 a = m1 + m2, b = m1 - m2, c = m3 + m4, d = m3 - m4;
  y0 = m0 + a + c;
  y1 = b + 2.0 * d;
  y2 = a + 4.0 * c;
  y3 = b + 8.0 * d + m5;
}

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define ADD_FROM(lane) \
  if (lane < LANES) sum += subgroupBroadcast(partial[i], uint(lane));

// Of tile `slot`, whose 36 values of m lie `plane` bytes apart from `from` on. Nothing is stored of those past the last.
void transformOutput(uint slot, uint column, uint64_t from, uint64_t plane) {
  uint lane = gl_SubgroupInvocationID;
  uint width = push.size & 0xffffu, height = push.size >> 16;
  uint wide = (width + 3u) / 4u, high = (height + 3u) / 4u;
  uint tile = min(slot, push.tiles - 1u);
  uint tileRow = quotient(tile, wide), n = quotient(tileRow, high);
  uint tileX = tile - tileRow * wide, tileY = tileRow - n * high;
  uint corner = (n * height + 4u * tileY) * width + 4u * tileX;

  uint pair = column * uint(LANES) + lane;
  uint known = WHOLE_COLUMNS ? pair : min(pair, OUT_PAIRS - 1u);
  vec2 bias = weightF32Pair(push.bias, known);
  if (HAS_LANE_BIAS) {
    [[unroll]] for (uint j = 0u; j < 2u; ++j) {
      uint o = 2u * known + j;
      uint at = n * push.laneBiasStride + push.laneBiasAt + min(o, OUTPUTS - 1u);
      float value = arenaF32(push.laneBias, at);
      bias[j] += o < OUTPUTS ? value : 0.0;
    }
  }

  uint zero = push.identity[0], y0 = push.y, residual = push.residual, squares = push.outputSquares;
  uint planeOfSquares = push.plane;
  float outputScale = push.outputScale;
  uint tiles = push.tiles;
  vec2 h[TILE * ROW];
  float kept[ROW];
  [[unroll]] for (int j = 0; j < ROW; ++j) {
    vec2 k[ROW];
    [[unroll]] for (int i = 0; i < ROW; ++i) {
      uint64_t address = from + uint64_t(ROW * i + j) * plane;
      k[i] = vec2(laneFloats(address, 0), laneFloats(address, LANES));
    }
    outputRow(k[0], k[1], k[2], k[3], k[4], k[5], h[j], h[6 + j], h[12 + j], h[18 + j]);
    kept[j] = h[18 + j].y;
  }
  h[23].y = kept[5u + zero];

  float partial[TILE * TILE];
  [[unroll]] for (int i = 0; i < TILE; ++i) {
    vec2 y[TILE];
    outputRow(h[6 * i], h[6 * i + 1], h[6 * i + 2], h[6 * i + 3], h[6 * i + 4], h[6 * i + 5], y[0], y[1], y[2], y[3]);
    [[unroll]] for (int j = 0; j < TILE; ++j) {
      bool inside = WHOLE_TILES || (slot < tiles && 4u * tileY + uint(i) < height && 4u * tileX + uint(j) < width);
      if (!WHOLE_COLUMNS) inside = inside && pair < OUT_PAIRS;
      partial[TILE * i + j] = 0.0;
      if (inside) {
        uint at = (corner + uint(i) * width + uint(j)) * OUT_PAIRS + pair;
        vec2 value = y[j] + bias;
        value = vec2(activate1(OUTPUT_ACTIVATION, value.x), activate1(OUTPUT_ACTIVATION, value.y));
        if (HAS_RESIDUAL) value += arenaPair(residual, at);
        value *= outputScale;
        arenaPairStore(y0, at, value);
        partial[TILE * i + j] = dot(value, value);
      }
    }
  }

  if (SQUARES) {
    // Lane i stores pixel i: the sums are made by all lanes in the same, fixed order.
    [[unroll]] for (int first = 0; first < TILE * TILE; first += LANES) {
      float mine = 0.0;
      [[unroll]] for (int j = 0; j < min(LANES, TILE * TILE); ++j) {
        int i = first + j;
        float sum = 0.0;
        LANES_8(ADD_FROM, 0)
        if (LANES > 8) { LANES_8(ADD_FROM, 8) }
        mine = lane + uint(first) == uint(i) ? sum : mine;
      }
      uint i = uint(first) + lane;
      if (i < 16u && (WHOLE_TILES || (slot < tiles && 4u * tileY + i / 4u < height && 4u * tileX + i % 4u < width))) {
        arenaF32Store(squares, column * planeOfSquares + corner + i / 4u * width + i % 4u, mine);
      }
    }
  }
}

#endif
