// Winograd's convolution in one dispatch (ops/winograd.h): a workgroup takes TOGETHER tiles through all three passes
// (ops/winograd_input.glsl, _multiply, _output), with what they hand on in a scratch of its own.
//
//   u        [36][COLUMNS][DEPTH][2][LANES] float
//   scratch  of each workgroup v [36][PITCH][DEPTH] float, then m [36][PITCH][COLUMNS * 2 * LANES] float
//
// TOGETHER * COLUMNS subgroups: of the first pass each makes one tile of INPUT_REPEATS groups of channels, of the second
// nine matrices of four tiles and a column, of the last one tile of a column.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"
#include "shared/pair.glsl"
#include "shared/silu.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;
layout(constant_id = 2) const uint FLAGS = 0u;
layout(constant_id = 3) const int PADDING = 0;  // ops::Padding: all but ZeroAfter
layout(constant_id = 4) const int ACTIVATION = 0;
layout(constant_id = 5) const uint CHANNELS1 = 8u;  // of x, unpadded
layout(constant_id = 6) const uint CHANNELS2 = 0u;  // of x2
layout(constant_id = 7) const int PLANES1 = 1;
layout(constant_id = 8) const int PLANES2 = 0;
layout(constant_id = 9) const int OUTPUT_ACTIVATION = 0;
layout(constant_id = 10) const uint OUTPUTS = 8u;        // unpadded
layout(constant_id = 11) const int CHUNK = 4;            // of winograd_multiply.glsl
layout(constant_id = 12) const uint TOGETHER_BITS = 2u;  // of the tiles of a workgroup: 2 to 5
layout(constant_id = 13) const int SUBGROUP_BITS = 4;    // of their number in a workgroup
layout(constant_id = 14) const int GROUP_BITS = 4;       // of the workgroups

#define UNIFORM_BITS 2
layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint identity[4];
  uint x;
  uint x2;
  uint scratch;
  uint squares;
  uint squares2;
  uint gamma;
  uint beta;
  uint modulation;
  uint modulationStride;
  uint scaleAt;
  uint shiftAt;
  uint u;
  uint y;
  uint outputSquares;
  uint bias;
  uint residual;
  uint laneBias;
  uint laneBiasStride;
  uint laneBiasAt;
  uint size;   // W | H << 16
  uint tiles;  // of 4x4 pixels, of all N images
  uint plane;  // floats from one plane of squares to the next
  float epsilon;
  float outputScale;
} push;

#include "shared/uniform.glsl"
#include "ops/winograd_input.glsl"
#include "ops/winograd_multiply.glsl"
#include "ops/winograd_output.glsl"

const uint TOGETHER = 1u << TOGETHER_BITS;
const uint PITCH = TOGETHER + 1u;  // no power of two: all matrices' tiles would be in the same few sets of a cache
const uint GROUPS = GROUPS1 + GROUPS2;
const uint INPUT_REPEATS = (GROUPS + COLUMNS - 1u) / COLUMNS;
const uint V_WIDTH = 36u * PITCH * DEPTH, M_WIDTH = 36u * PITCH * COLUMNS * COLUMN;  // floats
const int MATRICES = 9;  // of a subgroup
const int IN_STEP = DEPTH > 32u ? 1 : 64 / int(DEPTH);  // products whose code is in the instruction cache together

void workgroupBarrier() {
  controlBarrier(gl_ScopeWorkgroup, gl_ScopeWorkgroup, gl_StorageSemanticsBuffer, gl_SemanticsAcquireRelease);
}

void main() {
  uint workgroup = uniformIndex(gl_WorkGroupID.x, GROUP_BITS), subgroup = uniformIndex(gl_SubgroupID, SUBGROUP_BITS);
  uint zero = push.identity[0];
  uint64_t v = arenaAt(push.scratch) + uint64_t(workgroup * ((V_WIDTH + M_WIDTH) / 4u)) * 16ul;
  uint64_t m = v + uint64_t(V_WIDTH / 4u + zero) * 16ul;
  uint64_t u = weightAt(push.u);

  uint tile = subgroup & (TOGETHER - 1u), column = subgroup >> TOGETHER_BITS;
  [[unroll]] for (uint i = 0u; i < INPUT_REPEATS; ++i) {
    uint wanted = column + i * COLUMNS, group = min(wanted, GROUPS - 1u);
    uint64_t to = v + uint64_t(tile * (DEPTH / 4u) + group * (GROUP / 4u)) * 16ul;
    transformInput(workgroup * TOGETHER + tile, group, wanted < GROUPS, to, uint64_t(PITCH * (DEPTH / 4u) + zero) * 16ul);
  }
  workgroupBarrier();

  // Subgroups that follow one another read the same weights.
  uint quad = subgroup & (TOGETHER / 4u - 1u), rest = subgroup >> (TOGETHER_BITS - 2u);
  uint matrix = rest / COLUMNS * uint(MATRICES), outputs = rest % COLUMNS, row = matrix * PITCH + quad * 4u;
  uint64_t vs = v + uint64_t(row * (DEPTH / 4u)) * 16ul;
  uint64_t us = u + uint64_t((matrix * COLUMNS + outputs) * (DEPTH * uint(LANES) / 2u)) * 16ul;
  uint64_t ms = m + uint64_t((row * COLUMNS + outputs) * uint(LANES / 2)) * 16ul;
  [[unroll]] for (int i = 0; i < MATRICES; ++i) {
    if (i > 0 && i % IN_STEP == 0) inStep();
    uint64_t to = ms + uint64_t(uint(i) * (PITCH * COLUMNS * uint(LANES / 2)) + zero) * 16ul;
    multiply(vs, i * int(PITCH * DEPTH), us, i * int(COLUMNS * DEPTH) * 2 * LANES, to, COLUMNS * uint(LANES));
  }
  workgroupBarrier();

  uint64_t from = m + uint64_t((tile * COLUMNS + column) * (COLUMN / 4u)) * 16ul;
  transformOutput(workgroup * TOGETHER + tile, column, from, uint64_t(PITCH * COLUMNS * (COLUMN / 4u) + zero) * 16ul);
}
