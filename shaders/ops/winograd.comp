// 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3) (ops/winograd.h). An RMS norm of the input and its activation can be
// applied while it is read.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   norm     activation((x * s * gamma + beta) * (1 + scale) + shift), s = 1 / sqrt((squares + squares2) / I + epsilon)
//            squares: [N*H*W] floats, the sums over channels of x^2; scale, shift: slices of modulation [N,1,1,M] float
//   weights  u [36][O / (LANES * Q)][I / 2][Q][LANES][2] float; bias O floats, padded
//   laneBias a slice of [N,1,1,M] float; residual [N,H,W,O]
//   output   y [N,H,W,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//            squares of y: [N*H*W] floats, the sums over channels of y^2, for an RMS norm of y
//   scratch  of each workgroup: v [36][block][I] float, m [36][block][O] float
//
// A workgroup is one subgroup and makes `block` tiles of 4x4 pixels, all channels, in three passes: v is the input
// transform of each tile, m the 36 products v u, y the output transform. What a pass leaves is small enough for the second
// level cache, and one dispatch costs a third of three.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"
#include "shared/silu.glsl"

layout(local_size_x_id = 0) in;  // one subgroup
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int PADDING = 0;  // ops::Padding: all but ZeroAfter
layout(constant_id = 4) const int INPUT_ACTIVATION = 0;
layout(constant_id = 5) const int ACTIVATION = 0;
layout(constant_id = 6) const uint CHANNELS1 = 8u;  // of x, unpadded
layout(constant_id = 7) const uint CHANNELS2 = 0u;  // of x2
layout(constant_id = 8) const uint OUTPUTS = 8u;    // unpadded
layout(constant_id = 9) const int ROWS = 4;         // tiles multiplied in one turn of the loop
layout(constant_id = 10) const int Q = 2;           // vectors of outputs, 1 or even
layout(constant_id = 11) const int DEPTH = 32;      // input channels whose weights are held; divides them

const bool HAS_NORM = (FLAGS & 1u) != 0u;
const bool HAS_BETA = (FLAGS & 2u) != 0u;
const bool HAS_MODULATION = (FLAGS & 4u) != 0u;
const bool HAS_RESIDUAL = (FLAGS & 8u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 16u) != 0u;
const bool SQUARES = (FLAGS & 32u) != 0u;      // of y
const bool WHOLE_TILES = (FLAGS & 64u) != 0u;  // H and W are multiples of 4
const bool HAS_X2 = CHANNELS2 != 0u;
const uint PAIRS1 = (CHANNELS1 + 7u) / 8u * 4u;  // padded channels / 2
const uint PAIRS2 = (CHANNELS2 + 7u) / 8u * 4u;
const uint PAIRS = PAIRS1 + PAIRS2;
const uint OUT_PAIRS = (OUTPUTS + 7u) / 8u * 4u;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint y;
  uint scratch;
  uint squares;
  uint squares2;
  uint squaresOut;
  uint gamma;
  uint beta;
  uint modulation;
  uint modulationStride;
  uint scaleAt;
  uint shiftAt;
  uint u;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint size;       // W | H << 16
  uint tilesWide;
  uint tilesHigh;
  uint tiles;      // N * tilesHigh * tilesWide
  uint block;      // tiles of a workgroup, a multiple of ROWS and of 4
  float epsilon;
  float outputScale;
} push;

// What other lanes of the subgroup wrote.
layout(buffer_reference, std430, buffer_reference_align = 8) coherent buffer ScratchPairs { uint64_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer ScratchFloats { float v[]; };
#define SCRATCH_FLOATS ScratchFloats(push.arenaAddress).v
#define SCRATCH ScratchPairs(push.arenaAddress).v
#define scratchPair(i) uintBitsToFloat(unpack32(SCRATCH[i]))
#define scratchPairStore(i, value) SCRATCH[i] = pack64(floatBitsToUint(value))

const int WINDOW = 6;
const int AREA = WINDOW * WINDOW;

#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)

// A tile's place; one past the last is the last once more.
struct Tile {
  uint n;
  int x, y;
};

Tile tileAt(uint index) {
  uint tile = min(index, push.tiles - 1u), row = tile / push.tilesWide;
  return Tile(row / push.tilesHigh, int(tile % push.tilesWide), int(row % push.tilesHigh));
}

#include "ops/winograd_input.glsl"
#include "ops/winograd_multiply.glsl"
#include "ops/winograd_output.glsl"

void main() {
  uint first = gl_WorkGroupID.x * push.block;
  uint v = push.scratch * 2u + gl_WorkGroupID.x * push.block * (PAIRS + OUT_PAIRS) * uint(AREA);
  uint m = v + push.block * PAIRS * uint(AREA);
  transformInput(first, v);
  subgroupMemoryBarrierBuffer();
  subgroupBarrier();
  multiply(v, m);
  subgroupMemoryBarrierBuffer();
  subgroupBarrier();
  transformOutput(first, m);
}
