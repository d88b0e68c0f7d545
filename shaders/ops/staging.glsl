// Convolutions that stage what they multiply in shared memory: everything but the product (conv2d_coopmat.comp and
// conv2d_dot.comp), which they define between this and ops/staged_writer.glsl.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, read as if concatenated
//   norm     of mode 1: activation(x * pixelScale * scale + shift); scale, shift [N,1,1,I] float, pixelScale N*H*W floats
//            of mode 2: activation((x * s * gamma + beta) * (1 + scale) + shift), s = 1 / sqrt(sum / I + epsilon), where sum
//            adds up the planes of squares and squares2: [planes][N*H*W] floats, sums over some of the channels each of x^2;
//            scale, shift: slices of modulation [N,1,1,M] float
//   weights  [I / BK][taps][O][BK] halves; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual as y
//   output   y [N,OH,OW,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//            UPSAMPLE: y [N,2OH,2OW,O], each pixel 2x2 times; no residual
//            squares of y: [planes][pixels] floats, the sums over 32 channels each of y^2, for an RMS norm of y
//
// RVL_INT8 = 1: weights are bytes, and behind the bias follow O floats and one more: what a sum is multiplied with, and what
// the input is multiplied with before it is rounded to -127 .. 127. Integers are summed exactly, in whatever order.
//
// A workgroup makes TILE_X x TILE_Y pixels of a column of BN outputs, in fragments of M pixels x N outputs. What its tile
// reads, halo included, is staged in shared memory once for every BK channels: normed (and rounded to integers), so that this
// is done once, and read by all taps from there. Rows of a fragment are neighbours in the tile, one row of pixels; where tiles
// are narrower than M they run on into the halo and the next row, and what they make of the halo is dropped. The weights of
// each step are staged as well. Of both, the next ones are on their way to registers while these are multiplied.
//
// Small problems do not fill a device: ST subgroups then share the taps of one fragment. Their sums are added up in order.
#ifndef RVL_STAGING_GLSL
#define RVL_STAGING_GLSL

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
// Eight channels as they are staged, and those from one row to the next: of 32 channels an odd number of 16 bytes, so that
// the rows of a fragment begin in different banks.
#if RVL_INT8
#define STAGED_UNIT uvec2
#define SUM int
const int PITCH = CHUNKS + 2;
const int SUMS_PER_UNIT = 2;
const int SUM_PITCH = FN * N / 2 + 2;
const int WEIGHT_CHUNKS = CHUNKS / 2;  // of 16 bytes
#else
#define STAGED_UNIT uvec4
#define SUM float
const int PITCH = CHUNKS + 1;
const int SUMS_PER_UNIT = 4;
const int SUM_PITCH = FN * N / 4 + 1;
const int WEIGHT_CHUNKS = CHUNKS;
#endif
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
const int B_READS = (ST * BN * WEIGHT_CHUNKS + LOCAL - 1) / LOCAL;

// Shared memory: the staged halo and weights, twice where there is a next one; afterwards sums on their way out.
const int B_FIRST = BLOCKS > 1 ? 2 * A_UNITS : A_UNITS;
const int STAGED = B_FIRST + (STEPS > 1 ? 2 * B_UNITS : B_UNITS);
const int SUMS = SM * SN * ST * M * SUM_PITCH;
// All of it is in multiples of 16 bytes: matrices are read from there, and bytes in units of 8 do not ask for it.
shared STAGED_UNIT pool[STAGED > SUMS ? STAGED : SUMS];
const uint OUTSIDE = 0xffffffffu;
const int HALO_PADDED = (HALO + 3) / 4 * 4;
shared uint source[HALO_PADDED];                              // pixel of the input, or OUTSIDE
shared float pixelScale[NORM != 0 ? HALO_PADDED : 4];
shared vec2 affine[NORM != 0 ? BLOCKS * BK : 2];              // per channel: scale and shift
shared float columnSquares[SQUARES ? SM * M * (BN / 8) : 4];  // per pixel and 8 channels

uvec4 nextA[A_READS], nextB[B_READS];

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

#if RVL_INT8
uint roundToBytes(vec4 v) {
  ivec4 q = ivec4(roundEven(clamp(v, -127.0, 127.0))) & 0xff;
  return uint(q.x | q.y << 8 | q.z << 16 | q.w << 24);
}
#endif

void storeA(int block) {
  int to = (block & 1) * A_UNITS;
#if RVL_INT8
  float inputScale = weightF32(push.bias, uint(OUT_UNITS * 16));
#endif
  [[unroll]] for (int j = 0; j < A_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    if (item >= HALO * CHUNKS) break;
    int position = item / CHUNKS, chunk = item % CHUNKS;
    vec4 low, high;
    unpackHalves(nextA[j], low, high);
    if (NORM != 0 && source[position] != OUTSIDE) {
      int c = block * BK + chunk * 8;
      float scale = pixelScale[position];
      low *= scale;
      high *= scale;
      [[unroll]] for (int k = 0; k < 4; ++k) {
        low[k] = low[k] * affine[c + k].x + affine[c + k].y;
        high[k] = high[k] * affine[c + 4 + k].x + affine[c + 4 + k].y;
      }
      low = activate4(INPUT_ACTIVATION, low);
      high = activate4(INPUT_ACTIVATION, high);
    }
#if RVL_INT8
    pool[to + position * PITCH + chunk] = uvec2(roundToBytes(low * inputScale), roundToBytes(high * inputScale));
#else
    pool[to + position * PITCH + chunk] = NORM != 0 ? packHalves(low, high) : nextA[j];
#endif
  }
}

void loadB(int step, int firstOutput) {
  [[unroll]] for (int j = 0; j < B_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    int tap = item / (BN * WEIGHT_CHUNKS), chunk = item % WEIGHT_CHUNKS;
    // Outputs past the last are not stored; their weights may be anything.
    int o = min(firstOutput + item / WEIGHT_CHUNKS % BN, OUT_UNITS * 8 - 1);
    int row = (step * ST + min(tap, ST - 1)) * OUT_UNITS * 8 + o;
    nextB[j] = weightUnit(push.weight, uint(row * WEIGHT_CHUNKS + chunk));
  }
}

void storeB(int step) {
  int to = B_FIRST + (step & 1) * B_UNITS;
  [[unroll]] for (int j = 0; j < B_READS; ++j) {
    int item = int(gl_LocalInvocationIndex) + j * LOCAL;
    if (item >= ST * BN * WEIGHT_CHUNKS) break;
    int row = to + item / WEIGHT_CHUNKS * PITCH;
#if RVL_INT8
    pool[row + item % WEIGHT_CHUNKS * 2] = nextB[j].xy;
    pool[row + item % WEIGHT_CHUNKS * 2 + 1] = nextB[j].zw;
#else
    pool[row + item % WEIGHT_CHUNKS] = nextB[j];
#endif
  }
}

/// Where the taps of a step begin in the pool, for a subgroup: its inputs and its weights.
int firstInput(int step, int st) {
  int tap = step % TURNS * ST + st;
  return ((step / TURNS) & 1) * A_UNITS + (tap / KERNEL * HALO_X + tap % KERNEL) * PITCH;
}
int firstWeight(int step, int sn, int st) { return B_FIRST + (step & 1) * B_UNITS + (st * BN + sn * FN * N) * PITCH; }

/// The first position of fragment `i` of a subgroup. There may be more fragments than the tile has; they are not stored.
int positionOf(int i, int sm) {
  int f = sm * FM + i;
  if (!WHOLE_ROWS) return f * M * STRIDE;
  f = min(f, TILE_Y * WIDE - 1);
  return (f / WIDE * HALO_X + f % WIDE * M) * STRIDE;
}

#endif
