// The rest of a convolution that stages what it multiplies (ops/staging.glsl): main, and the way of the sums to memory. What
// includes it has defined
//
//   int subgroupIndex()                            of the workgroup's
//   void clearSums()
//   void multiply(int step, int sm, int sn, int st)  adds a step's products; which of the subgroups this is
//   void stageSums(int fm, int subgroup)           row `fm` of fragments to the pool: [subgroup][M][SUM_PITCH]

/// Eight outputs of a pixel, `o` the first of them: from their sums to memory. Returns the sum of their squares.
float finish(vec4 low, vec4 high, uint n, ivec2 at, int o) {
#if RVL_INT8
  low *= weightF32x4(push.bias, uint(OUT_UNITS * 2 + o / 4));
  high *= weightF32x4(push.bias, uint(OUT_UNITS * 2 + o / 4 + 1));
#endif
  low += weightF32x4(push.bias, uint(o / 4));
  high += weightF32x4(push.bias, uint(o / 4 + 1));
  if (HAS_LANE_BIAS) {
    uint first = n * push.laneBiasStride + push.laneBiasAt;
    [[unroll]] for (int k = 0; k < 4; ++k) {
      float even = arenaF32(push.laneBias, first + uint(min(o + k, OUTPUTS - 1)));
      float odd = arenaF32(push.laneBias, first + uint(min(o + 4 + k, OUTPUTS - 1)));
      low[k] += o + k < OUTPUTS ? even : 0.0;
      high[k] += o + 4 + k < OUTPUTS ? odd : 0.0;
    }
  }
  low = activate4(ACTIVATION, low);
  high = activate4(ACTIVATION, high);
  uint width = push.outSize & 0xffffu, height = push.outSize >> 16;
  uint unit = uint(o / 8);
  uint pixel = (n * height + uint(at.y)) * width + uint(at.x);
  if (HAS_RESIDUAL) {
    vec4 addLow, addHigh;
    unpackHalves(arenaUnit(push.residual, pixel * uint(OUT_UNITS) + unit), addLow, addHigh);
    low += addLow;
    high += addHigh;
  }
  low *= push.outputScale;
  high *= push.outputScale;
  uvec4 packed = packHalves(low, high);
  if (UPSAMPLE) {
    [[unroll]] for (uint k = 0u; k < 4u; ++k) {
      uint big = ((n * height + uint(at.y)) * 2u + k / 2u) * width * 2u + uint(at.x) * 2u + k % 2u;
      arenaUnitStore(push.y, big * uint(OUT_UNITS) + unit, packed);
    }
  } else {
    arenaUnitStore(push.y, pixel * uint(OUT_UNITS) + unit, packed);
  }
  return dot(low, low) + dot(high, high);
}

/// The pixel of a fragment's row within the tile; false: of the halo, or outside the image.
bool pixelOf(int f, int row, ivec2 tile, out ivec2 at) {
  ivec2 within = WHOLE_ROWS ? ivec2(f % WIDE * M + row, f / WIDE) : ivec2((f * M + row) % HALO_X, (f * M + row) / HALO_X);
  at = tile + within;
  return within.x < TILE_X && within.y < TILE_Y && at.x < int(push.outSize & 0xffffu) && at.y < int(push.outSize >> 16);
}

/// Row `fm` of fragments of every subgroup, through shared memory.
void storeFragments(int fm, ivec2 tile, uint n, uint column) {
  const int COLUMN_UNITS = BN / 8;
  for (int item = int(gl_LocalInvocationIndex); item < SM * M * COLUMN_UNITS; item += LOCAL) {
    int row = item / COLUMN_UNITS, within = item % COLUMN_UNITS * 8;
    int o = int(column) * BN + within;
    ivec2 at;
    float squares = 0.0;
    if (pixelOf(row / M * FM + fm, row % M, tile, at) && o < OUT_UNITS * 8) {
      int from = ((within / (FN * N) * SM + row / M) * M + row % M) * SUM_PITCH;
      from += within % (FN * N) / SUMS_PER_UNIT;
#if RVL_INT8
      ivec4 low = ivec4(0), high = ivec4(0);
#else
      vec4 low = vec4(0.0), high = vec4(0.0);
#endif
      [[unroll]] for (int st = 0; st < ST; ++st) {
        int part = from + st * SN * SM * M * SUM_PITCH;
#if RVL_INT8
        low += ivec4(pool[part], pool[part + 1]);
        high += ivec4(pool[part + 2], pool[part + 3]);
#else
        low += uintBitsToFloat(pool[part]);
        high += uintBitsToFloat(pool[part + 1]);
#endif
      }
      squares = finish(vec4(low), vec4(high), n, at, o);
    }
    if (SQUARES) columnSquares[item] = squares;
  }
  if (!SQUARES) return;
  barrier();
  const int PLANES = (COLUMN_UNITS + 3) / 4;  // of 4 units; of several columns, each has whole ones
  for (int item = int(gl_LocalInvocationIndex); item < SM * M * PLANES; item += LOCAL) {
    int row = item / PLANES, plane = item % PLANES;
    ivec2 at;
    if (!pixelOf(row / M * FM + fm, row % M, tile, at) || int(column) * COLUMN_UNITS + plane * 4 >= OUT_UNITS) continue;
    float sum = 0.0;
    for (int i = plane * 4; i < min(plane * 4 + 4, COLUMN_UNITS); ++i) sum += columnSquares[row * COLUMN_UNITS + i];
    uint first = (column * uint(PLANES) + uint(plane)) * push.planeOut;
    uint width = push.outSize & 0xffffu, height = push.outSize >> 16;
    uint line = n * height + uint(at.y);
    if (UPSAMPLE) {
      [[unroll]] for (uint k = 0u; k < 4u; ++k)
        arenaF32Store(push.squaresOut, first + (line * 2u + k / 2u) * width * 2u + uint(at.x) * 2u + k % 2u, sum);
    } else {
      arenaF32Store(push.squaresOut, first + line * width + uint(at.x), sum);
    }
  }
}

void main() {
  uint column = gl_WorkGroupID.y, n = gl_WorkGroupID.z;
  ivec2 tile = ivec2(int(gl_WorkGroupID.x % push.tilesX) * TILE_X, int(gl_WorkGroupID.x / push.tilesX) * TILE_Y);
  int subgroup = subgroupIndex();
  int sm = subgroup % SM, sn = subgroup / SM % SN, st = subgroup / (SM * SN);

  preparePixels(tile.x * STRIDE - PAD_BEFORE, tile.y * STRIDE - PAD_BEFORE, n);
  prepareChannels(n);
  barrier();
  loadA(0);
  loadB(0, int(column) * BN);
  storeA(0);
  storeB(0);
  clearSums();
  barrier();
  [[dont_unroll]] for (int step = 0; step < STEPS; ++step) {
    int block = step / TURNS;
    bool more = step + 1 < STEPS;
    bool moreA = block + 1 < BLOCKS && step % TURNS == TURNS - 1;
    if (more) loadB(step + 1, int(column) * BN);
    if (moreA) loadA(block + 1);
    multiply(step, sm, sn, st);
    if (more) storeB(step + 1);
    if (moreA) storeA(block + 1);
    barrier();
  }

  [[unroll]] for (int i = 0; i < FM; ++i) {
    stageSums(i, subgroup);
    barrier();
    storeFragments(i, tile, n, column);
    barrier();
  }
}
