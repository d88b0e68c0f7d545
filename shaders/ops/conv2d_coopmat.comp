// Convolution on matrix units (ops/conv2d_coopmat.h): an implicit matrix product in halves, summed in floats. A norm of the
// input and its activation can be applied while it is read.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, read as if concatenated
//   norm     of mode 1: activation(x * pixelScale * scale + shift); scale, shift [N,1,1,I] float, pixelScale N*H*W floats
//            of mode 2: activation((x * s * gamma + beta) * (1 + scale) + shift), s = 1 / sqrt(sum / I + epsilon), where sum
//            adds up the planes of squares and squares2: [planes][N*H*W] floats, sums over 32 channels each of x^2;
//            scale, shift: slices of modulation [N,1,1,M] float
//   weights  [I / BK][taps][O][BK] halves; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,OH,OW,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//            UPSAMPLE: y [N,2OH,2OW,O], each pixel 2x2 times; no residual
//            squares of y: [planes][pixels] floats, the sums over 32 channels each of y^2, for an RMS norm of y
//
// A workgroup makes TILE_X x TILE_Y pixels of a column of BN outputs, in fragments of M pixels x N outputs. What its tile
// reads, halo included, is staged in shared memory once for every BK channels: normed, so that it is normed once, and read
// by all taps from there. Rows of a fragment are neighbours in the tile, one row of pixels; where tiles are narrower than M
// they run on into the halo and the next row, and what they make of the halo is dropped. The weights of each step are
// staged as well. Of both, the next ones are on their way to registers while these are multiplied.
//
// Small problems do not fill a device: ST subgroups then share the taps of one fragment. Their sums are added up in order.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "shared/tensor.glsl"
#include "shared/unit.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LOCAL = 128;  // the same
layout(constant_id = 2) const int M = 16;       // pixels of a fragment
layout(constant_id = 3) const int N = 16;       // outputs of a fragment
layout(constant_id = 4) const int K = 16;       // channels multiplied at once
layout(constant_id = 5) const int FM = 2;       // fragments of a subgroup, along the pixels
layout(constant_id = 6) const int FN = 2;       // and along the outputs
layout(constant_id = 7) const int SM = 2;       // subgroups along the pixels
layout(constant_id = 8) const int SN = 1;       // along the outputs
layout(constant_id = 9) const int ST = 1;       // along the taps, which it divides
layout(constant_id = 10) const int BK = 32;     // channels staged at once
layout(constant_id = 11) const int KERNEL = 3;
layout(constant_id = 12) const int STRIDE = 1;
layout(constant_id = 13) const int TILE_X = 16;
layout(constant_id = 14) const int TILE_Y = 4;
layout(constant_id = 15) const int PADDING = 0;  // ops::Padding
layout(constant_id = 16) const uint FLAGS = 0u;
layout(constant_id = 17) const int NORM = 0;     // mode; 0: none
layout(constant_id = 18) const int INPUT_ACTIVATION = 0;
layout(constant_id = 19) const int ACTIVATION = 0;
layout(constant_id = 20) const int CHANNELS1 = 8;  // of x, unpadded
layout(constant_id = 21) const int CHANNELS2 = 0;  // of x2
layout(constant_id = 22) const int OUTPUTS = 8;    // unpadded

const bool HAS_PIXEL_SCALE = (FLAGS & 1u) != 0u;  // of mode 1
const bool HAS_BETA = (FLAGS & 2u) != 0u;
const bool HAS_MODULATION = (FLAGS & 4u) != 0u;
const bool HAS_RESIDUAL = (FLAGS & 8u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 16u) != 0u;
const bool SQUARES = (FLAGS & 32u) != 0u;
const bool UPSAMPLE = (FLAGS & 64u) != 0u;

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
  uint squares;     // or pixelScale
  uint squares2;
  uint planes;      // of squares | of squares2 << 16
  uint plane;       // floats of one of them
  uint scale;       // or gamma
  uint shift;       // or beta
  uint normStride;  // of scale and shift, or of modulation
  uint modulation;
  uint scaleAt;
  uint shiftAt;
  float epsilon;
  uint squaresOut;
  uint planeOut;
  uint inSize;      // W | H << 16
  uint outSize;
  uint tilesX;
  float outputScale;
} push;

// Units of 16 bytes: 8 channels.
const int UNITS1 = (CHANNELS1 + 7) / 8;
const int UNITS2 = (CHANNELS2 + 7) / 8;
const int OUT_UNITS = (OUTPUTS + 7) / 8;
const int CHUNKS = BK / 8;
const int PITCH = CHUNKS + 1;  // odd, so that the rows of a fragment begin in different banks
const int BLOCKS = (UNITS1 + UNITS2 + CHUNKS - 1) / CHUNKS;
const int TAPS = KERNEL * KERNEL;
const int TURNS = TAPS / ST;
const int STEPS = BLOCKS * TURNS;
const int PAD_BEFORE = KERNEL == 3 && PADDING != 2 ? 1 : 0;

const int HALO_X = (TILE_X - 1) * STRIDE + KERNEL;
const int HALO_Y = (TILE_Y - 1) * STRIDE + KERNEL;
const int HALO = HALO_X * HALO_Y;
const bool WHOLE_ROWS = TILE_X % M == 0;  // fragments do not run on
const int WIDE = WHOLE_ROWS ? TILE_X / M : 1;
const int LAST = (SM * FM * M - 1) * STRIDE + (KERNEL - 1) * (HALO_X + 1) + 1;  // what those that do run on may read
const int A_UNITS = (WHOLE_ROWS || LAST < HALO ? HALO : LAST) * PITCH;
const int BN = SN * FN * N;
const int B_UNITS = ST * BN * PITCH;
const int A_READS = (HALO * CHUNKS + LOCAL - 1) / LOCAL;
const int B_READS = (ST * BN * CHUNKS + LOCAL - 1) / LOCAL;

// Shared memory: the staged halo and weights, twice where there is a next one; afterwards sums on their way out.
const int B_FIRST = BLOCKS > 1 ? 2 * A_UNITS : A_UNITS;
const int STAGED = B_FIRST + (STEPS > 1 ? 2 * B_UNITS : B_UNITS);
const int SUM_PITCH = FN * N / 4 + 1;
const int SUMS = SM * SN * ST * M * SUM_PITCH;
shared uvec4 pool[STAGED > SUMS ? STAGED : SUMS];
const uint OUTSIDE = 0xffffffffu;
shared uint source[HALO];                                      // pixel of the input, or OUTSIDE
shared float pixelScale[NORM != 0 ? HALO : 1];
shared vec2 affine[NORM != 0 ? BLOCKS * BK : 1];               // per channel: scale and shift
shared float columnSquares[SQUARES ? SM * M * (BN / 8) : 1];  // per pixel and 8 channels

uvec4 nextA[A_READS], nextB[B_READS];
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[FM * FN];

int coordinate(int i, int size, inout bool inside) {
  if (PADDING == 0 || KERNEL == 1) {
    i %= size;
    return i < 0 ? i + size : i;
  }
  inside = inside && (PADDING == 3 || (i >= 0 && i < size));
  return clamp(i, 0, size - 1);
}

float squaresOf(uint pixel) {
  float sum = 0.0;
  for (uint p = 0u; p < (push.planes & 0xffffu); ++p) sum += arenaF32(push.squares, p * push.plane + pixel);
  for (uint p = 0u; p < push.planes >> 16; ++p) sum += arenaF32(push.squares2, p * push.plane + pixel);
  return sum;
}

/// Where the tile's pixels come from, and what the norm does to them.
void preparePixels(int firstX, int firstY, uint n) {
  int width = int(push.inSize & 0xffffu), height = int(push.inSize >> 16);
  for (int i = int(gl_LocalInvocationIndex); i < HALO; i += LOCAL) {
    bool inside = true;
    int x = coordinate(firstX + i % HALO_X, width, inside);
    int y = coordinate(firstY + i / HALO_X, height, inside);
    uint pixel = (n * uint(height) + uint(y)) * uint(width) + uint(x);
    source[i] = inside ? pixel : OUTSIDE;
    if (NORM == 1) pixelScale[i] = HAS_PIXEL_SCALE ? arenaF32(push.squares, pixel) : 1.0;
    if (NORM == 2) pixelScale[i] = 1.0 / sqrt(squaresOf(pixel) / float(CHANNELS1 + CHANNELS2) + push.epsilon);
  }
}

void prepareChannels(uint n) {
  if (NORM == 0) return;
  for (int i = int(gl_LocalInvocationIndex); i < BLOCKS * BK; i += LOCAL) {
    bool second = i >= UNITS1 * 8;
    int within = second ? i - UNITS1 * 8 : i;
    bool exists = within < (second ? CHANNELS2 : CHANNELS1);
    uint c = uint(exists ? (second ? CHANNELS1 : 0) + within : 0);
    uint at = n * push.normStride + c;
    vec2 both = vec2(0.0);
    if (NORM == 1) both = vec2(arenaF32(push.scale, at), arenaF32(push.shift, at));
    if (NORM == 2) {
      both = vec2(weightF32(push.scale, c), HAS_BETA ? weightF32(push.shift, c) : 0.0);
      if (HAS_MODULATION) {
        both *= 1.0 + arenaF32(push.modulation, at + push.scaleAt);
        both.y += arenaF32(push.modulation, at + push.shiftAt);
      }
    }
    affine[i] = exists ? both : vec2(0.0);
  }
}

void loadA(int block) {
  [[unroll]] for (int j = 0; j < A_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    uint unit = uint(block * CHUNKS + item % CHUNKS);
    uint pixel = item < HALO * CHUNKS ? source[item / CHUNKS] : OUTSIDE;
    uvec4 value = uvec4(0u);
    if (pixel != OUTSIDE) {
      if (unit < uint(UNITS1)) {
        value = arenaUnit(push.x, pixel * uint(UNITS1) + unit);
      } else if (unit < uint(UNITS1 + UNITS2)) {
        value = arenaUnit(push.x2, pixel * uint(UNITS2) + unit - uint(UNITS1));
      }
    }
    nextA[j] = value;
  }
}

void storeA(int block) {
  int to = (block & 1) * A_UNITS;
  [[unroll]] for (int j = 0; j < A_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    if (item >= HALO * CHUNKS) break;
    int position = item / CHUNKS, chunk = item % CHUNKS;
    uvec4 value = nextA[j];
    if (NORM != 0 && source[position] != OUTSIDE) {
      vec4 low, high;
      unpackHalves(value, low, high);
      int c = block * BK + chunk * 8;
      float scale = pixelScale[position];
      low *= scale;
      high *= scale;
      [[unroll]] for (int k = 0; k < 4; ++k) {
        low[k] = low[k] * affine[c + k].x + affine[c + k].y;
        high[k] = high[k] * affine[c + 4 + k].x + affine[c + 4 + k].y;
      }
      value = packHalves(activate4(INPUT_ACTIVATION, low), activate4(INPUT_ACTIVATION, high));
    }
    pool[to + position * PITCH + chunk] = value;
  }
}

void loadB(int step, int firstOutput) {
  [[unroll]] for (int j = 0; j < B_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    int tap = item / (BN * CHUNKS), chunk = item % CHUNKS;
    // Outputs past the last are not stored; their weights may be anything.
    int o = min(firstOutput + item / CHUNKS % BN, OUT_UNITS * 8 - 1);
    nextB[j] = weightUnit(push.weight, uint(((step * ST + min(tap, ST - 1)) * OUT_UNITS * 8 + o) * CHUNKS + chunk));
  }
}

void storeB(int step) {
  int to = B_FIRST + (step & 1) * B_UNITS;
  [[unroll]] for (int j = 0; j < B_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    if (item < ST * BN * CHUNKS) pool[to + item / CHUNKS * PITCH + item % CHUNKS] = nextB[j];
  }
}

void multiply(int step, int sm, int sn, int st) {
  int tap = step % TURNS * ST + st;
  int a0 = ((step / TURNS) & 1) * A_UNITS + (tap / KERNEL * HALO_X + tap % KERNEL) * PITCH;
  int b0 = B_FIRST + (step & 1) * B_UNITS + (st * BN + sn * FN * N) * PITCH;
  [[unroll]] for (int k = 0; k < BK / K; ++k) {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[FM];
    [[unroll]] for (int i = 0; i < FM; ++i) {
      int f = sm * FM + i;
      if (WHOLE_ROWS) f = min(f, TILE_Y * WIDE - 1);  // there may be more than the tile has; they are not stored
      int position = WHOLE_ROWS ? (f / WIDE * HALO_X + f % WIDE * M) * STRIDE : f * M * STRIDE;
      coopMatLoad(a[i], pool, a0 + position * PITCH + k * K / 8, STRIDE * PITCH, gl_CooperativeMatrixLayoutRowMajor);
    }
    [[unroll]] for (int j = 0; j < FN; ++j) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad(b, pool, b0 + j * N * PITCH + k * K / 8, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (int i = 0; i < FM; ++i) sums[i * FN + j] = coopMatMulAdd(a[i], b, sums[i * FN + j]);
    }
  }
}

/// Eight outputs of a pixel, `o` the first of them: from their sums to memory. Returns the sum of their squares.
float finish(vec4 low, vec4 high, uint n, ivec2 at, int o) {
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
      int from = ((within / (FN * N) * SM + row / M) * M + row % M) * SUM_PITCH + within % (FN * N) / 4;
      vec4 low = vec4(0.0), high = vec4(0.0);
      [[unroll]] for (int st = 0; st < ST; ++st) {
        low += uintBitsToFloat(pool[from + st * SN * SM * M * SUM_PITCH]);
        high += uintBitsToFloat(pool[from + st * SN * SM * M * SUM_PITCH + 1]);
      }
      squares = finish(low, high, n, at, o);
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
  int subgroup = int(gl_SubgroupID);
  int sm = subgroup % SM, sn = subgroup / SM % SN, st = subgroup / (SM * SN);

  preparePixels(tile.x * STRIDE - PAD_BEFORE, tile.y * STRIDE - PAD_BEFORE, n);
  prepareChannels(n);
  barrier();
  loadA(0);
  loadB(0, int(column) * BN);
  storeA(0);
  storeB(0);
  [[unroll]] for (int i = 0; i < FM * FN; ++i)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
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
    [[unroll]] for (int j = 0; j < FN; ++j) {
      coopMatStore(sums[i * FN + j], pool, subgroup * M * SUM_PITCH + j * N / 4, SUM_PITCH,
                   gl_CooperativeMatrixLayoutRowMajor);
    }
    barrier();
    storeFragments(i, tile, n, column);
    barrier();
  }
}
