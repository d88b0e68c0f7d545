// 2-D convolution, 1x1 or 3x3, for devices with subgroups.
//
//   input    x [N,H,W,I1] and x2 [N,H,W,I2] or none, in storage type, read as if concatenated
//   prologue activation(x * pixelScale * scale + shift): scale, shift [N,1,1,I1+I2] float, pixelScale N*H*W floats
//   weights  [O / LANES][I / VALUES][taps][LANES][VALUES] in storage type, padded with zeros; bias O floats, padded
//   residual [N,OH,OW,O]; laneBias [N,1,1,M] float
//   output   y [N,OH,OW,O] = (activation(convolution + bias + laneBias) + residual) * outputScale
//
// A subgroup makes TILE_X x TILE_Y pixels of Q * LANES channels. Its lanes are pixels of the input tile, halo included, when
// it reads activations, and output channels when it multiplies: each input value is broadcast to all lanes once and
// multiplied with the lane's own weight for every output pixel it reaches. So the tile is read once, whatever its shape,
// wrapping and padding cost one comparison per pixel read and none per tap, and a lane's weights serve all pixels.
//
// RVL_WIDE=1: 64-bit loads (capability int64). A lane's load costs the same whatever its width where loads are gathers.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int LANES = 8;  // gl_SubgroupSize
layout(constant_id = 2) const int KERNEL = 3;
layout(constant_id = 3) const int STRIDE = 1;
layout(constant_id = 4) const int TILE_X = 8;
layout(constant_id = 5) const int TILE_Y = 8;
layout(constant_id = 6) const int Q = 1;        // vectors of LANES output channels
layout(constant_id = 7) const int STEPS = 1;    // loads of VALUES channels that are unrolled
layout(constant_id = 8) const int PARTS = 1;    // a load is multiplied in so many rolled parts
layout(constant_id = 9) const int PADDING = 0;  // ops::Padding
layout(constant_id = 10) const uint FLAGS = 0u;
layout(constant_id = 11) const int INPUT_ACTIVATION = 0;
layout(constant_id = 12) const int ACTIVATION = 0;
layout(constant_id = 13) const uint CHANNEL_TILES = 1u;  // O / (Q * LANES)

const bool HAS_X2 = (FLAGS & 1u) != 0u;
const bool HAS_PROLOGUE = (FLAGS & 2u) != 0u;
const bool HAS_PIXEL_SCALE = (FLAGS & 4u) != 0u;
const bool HAS_RESIDUAL = (FLAGS & 8u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 16u) != 0u;
const bool ROLL_STORES = (FLAGS & 32u) != 0u;  // one copy of the code that finishes a pixel, or one per pixel
const bool WHOLE_UNITS = (FLAGS & 64u) != 0u;  // the grid has no subgroup too many
const bool WHOLE_CHANNELS = (FLAGS & 128u) != 0u;  // Q * LANES divides the padded output channels

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
  uint scale;
  uint shift;
  uint pixelScale;
  uint scaleStride;
  uint inputSize;   // W | H << 16
  uint outputSize;  // OW | OH << 16
  uint stride1;     // padded channels of x, of x2, of y
  uint stride2;
  uint outputStride;
  uint channels1;  // channels of x: where those of x2 begin in scale and shift
  uint outputs;    // output channels, unpadded
  uint units;      // CHANNEL_TILES * tiles in a row of the output
  float outputScale;
} push;

#if RVL_WIDE || RVL_F16
#if RVL_WIDE
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#define RVL_LOAD uint64_t
#define UNPACK(value) unpack32(value)
#else
#define RVL_LOAD uvec2
#define UNPACK(value) value
#endif
#if RVL_BDA
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer ArenaLoads { RVL_LOAD v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer WeightLoads { RVL_LOAD v[]; };
#define ARENA_LOADS RVL_ARENA(ArenaLoads)
#define WEIGHT_LOADS RVL_WEIGHT(WeightLoads)
#else
layout(set = 0, binding = 0, std430) readonly buffer ArenaLoads { RVL_LOAD v[]; } arenaLoads_;
layout(set = 0, binding = 1, std430) readonly buffer WeightLoads { RVL_LOAD v[]; } weightLoads_;
#define ARENA_LOADS arenaLoads_.v
#define WEIGHT_LOADS weightLoads_.v
#endif
#if RVL_F16
#define VALUES 4
#define vecV vec4
vecV values(RVL_LOAD raw) { return vec4(unpackHalf2x16(UNPACK(raw).x), unpackHalf2x16(UNPACK(raw).y)); }
#else
#define VALUES 2
#define vecV vec2
vecV values(RVL_LOAD raw) { return uintBitsToFloat(UNPACK(raw)); }
#endif
#define loadArena(offset, i) values(ARENA_LOADS[(offset) * 2u + (i)])
#define loadWeight(offset, i) values(WEIGHT_LOADS[(offset) * 2u + (i)])
#else
#define VALUES 4
#define vecV vec4
#define loadArena(offset, i) arenaLoad4(offset, i)
#define loadWeight(offset, i) weightLoad4(offset, i)
#endif

const int TAPS = KERNEL * KERNEL;
const int TILE = TILE_X * TILE_Y;
const int IN_X = (TILE_X - 1) * STRIDE + KERNEL;
const int IN_Y = (TILE_Y - 1) * STRIDE + KERNEL;
const int IN_TILE = IN_X * IN_Y;
const int GROUPS = (IN_TILE + LANES - 1) / LANES;  // loads of a lane for one step
const int DEPTH = VALUES / PARTS;                  // channels of a part
const int PAD_BEFORE = KERNEL == 3 && PADDING != 2 ? 1 : 0;
const bool MASKED = KERNEL == 3 && (PADDING == 1 || PADDING == 2);

// subgroupBroadcast wants a literal lane.
#define LANES_8(M, n) M((n)) M((n) + 1) M((n) + 2) M((n) + 3) M((n) + 4) M((n) + 5) M((n) + 6) M((n) + 7)
#define BROADCAST_FROM(lane)                                                                                  \
  if (lane < LANES) {                                                                                         \
    [[unroll]] for (int g = 0; g < GROUPS; ++g) {                                                             \
      if (g * LANES + lane < IN_TILE) shared_[at + g * LANES + lane] = subgroupBroadcast(value[g], uint(lane)); \
    }                                                                                                         \
  }

// Coordinate of the input at tile position i, brought inside; `inside` is false where zero padding is read.
int coordinate(int i, int size, inout bool inside) {
  if (PADDING == 0 || KERNEL == 1) {
    i += i < 0 ? size : 0;
    i -= i >= size ? size : 0;
    return min(i, size - 1);  // only for pixels that are not stored
  }
  inside = inside && i >= 0 && i < size;
  return clamp(i, 0, size - 1);
}

void main() {
  int lane = int(gl_SubgroupInvocationID);
  uint unit = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID;
  if (!WHOLE_UNITS && unit >= push.units) return;
  uint channelTile = unit % CHANNEL_TILES;
  int outX = int(unit / CHANNEL_TILES) * TILE_X;
  int outY = int(gl_WorkGroupID.y) * TILE_Y;
  int n = int(gl_WorkGroupID.z);
  int width = int(push.inputSize & 0xffffu), height = int(push.inputSize >> 16);

  // The pixels this lane reads.
  uint pixel[GROUPS];
  float mask[GROUPS];
  float pixelScale[GROUPS];
  [[unroll]] for (int g = 0; g < GROUPS; ++g) {
    int i = min(g * LANES + lane, IN_TILE - 1);
    bool inside = true;
    int x = coordinate(outX * STRIDE - PAD_BEFORE + i % IN_X, width, inside);
    int y = coordinate(outY * STRIDE - PAD_BEFORE + i / IN_X, height, inside);
    pixel[g] = uint((n * height + y) * width + x);
    mask[g] = inside ? 1.0 : 0.0;
    pixelScale[g] = HAS_PIXEL_SCALE ? arenaF32(push.pixelScale, pixel[g]) : 1.0;
  }

  float sum[Q * TILE];
  [[unroll]] for (int i = 0; i < Q * TILE; ++i) sum[i] = 0.0;

  uint stepsOfWeights = (push.stride1 + (HAS_X2 ? push.stride2 : 0u)) / VALUES;
  uint weightRow = stepsOfWeights * TAPS * LANES;  // loads from one vector of channels to the next
  uint weightAt = channelTile * Q * weightRow + lane;

  [[dont_unroll]] for (int input_ = 0; input_ < (HAS_X2 ? 2 : 1); ++input_) {
    uint stride = (input_ == 0 ? push.stride1 : push.stride2) / VALUES;
    uint base = (input_ == 0 ? push.x : push.x2);
    uint firstChannel = input_ == 0 ? 0u : push.channels1;
    uint at_[GROUPS];
    [[unroll]] for (int g = 0; g < GROUPS; ++g) at_[g] = pixel[g] * stride;

    [[dont_unroll]] for (uint c = 0u; c < stride; c += STEPS) {
      vecV loaded[STEPS * GROUPS];
      [[unroll]] for (int u = 0; u < STEPS; ++u) {
        [[unroll]] for (int g = 0; g < GROUPS; ++g) loaded[u * GROUPS + g] = loadArena(base, at_[g] + c + u);
      }
      vecV weight[Q * STEPS * TAPS];
      [[unroll]] for (int q = 0; q < Q; ++q) {
        [[unroll]] for (int t = 0; t < STEPS * TAPS; ++t) {
          weight[q * STEPS * TAPS + t] = loadWeight(push.weight, weightAt + q * weightRow + t * LANES);
        }
      }
      weightAt += STEPS * TAPS * LANES;

      [[dont_unroll]] for (int part = 0; part < PARTS; ++part) {
        float shared_[STEPS * DEPTH * IN_TILE];
        [[unroll]] for (int u = 0; u < STEPS; ++u) {
          [[unroll]] for (int d = 0; d < DEPTH; ++d) {
            float value[GROUPS];
            [[unroll]] for (int g = 0; g < GROUPS; ++g) {
              vecV all = loaded[u * GROUPS + g];
              value[g] = all[d];
              [[unroll]] for (int p = 1; p < PARTS; ++p) value[g] = part == p ? all[p * DEPTH + d] : value[g];
            }
            if (HAS_PROLOGUE) {
              // Past the last channel the weights are zero; the values only have to be finite.
              uint k = min(firstChannel + (c + u) * VALUES + part * DEPTH + d, push.scaleStride - 1u);
              float scale = arenaF32(push.scale, n * push.scaleStride + k);
              float shift = arenaF32(push.shift, n * push.scaleStride + k);
              [[unroll]] for (int g = 0; g < GROUPS; ++g) {
                value[g] = activate1(INPUT_ACTIVATION, value[g] * pixelScale[g] * scale + shift);
              }
            }
            if (MASKED) {
              [[unroll]] for (int g = 0; g < GROUPS; ++g) value[g] *= mask[g];
            }
            int at = (u * DEPTH + d) * IN_TILE;
            LANES_8(BROADCAST_FROM, 0)
            if (LANES > 8) { LANES_8(BROADCAST_FROM, 8) }
            if (LANES > 16) { LANES_8(BROADCAST_FROM, 16) LANES_8(BROADCAST_FROM, 24) }
            if (LANES > 32) {
              LANES_8(BROADCAST_FROM, 32) LANES_8(BROADCAST_FROM, 40)
              LANES_8(BROADCAST_FROM, 48) LANES_8(BROADCAST_FROM, 56)
            }
          }
        }
        float w[Q * STEPS * TAPS * DEPTH];
        [[unroll]] for (int t = 0; t < Q * STEPS * TAPS; ++t) {
          [[unroll]] for (int d = 0; d < DEPTH; ++d) {
            w[t * DEPTH + d] = weight[t][d];
            [[unroll]] for (int p = 1; p < PARTS; ++p) {
              w[t * DEPTH + d] = part == p ? weight[t][p * DEPTH + d] : w[t * DEPTH + d];
            }
          }
        }
        [[unroll]] for (int i = 0; i < TILE; ++i) {
          int corner = (i / TILE_X * IN_X + i % TILE_X) * STRIDE;
          [[unroll]] for (int q = 0; q < Q; ++q) {
            float s = sum[q * TILE + i];
            [[unroll]] for (int u = 0; u < STEPS; ++u) {
              [[unroll]] for (int d = 0; d < DEPTH; ++d) {
                [[unroll]] for (int t = 0; t < TAPS; ++t) {
                  s += shared_[(u * DEPTH + d) * IN_TILE + corner + t / KERNEL * IN_X + t % KERNEL] *
                       w[((q * STEPS + u) * TAPS + t) * DEPTH + d];
                }
              }
            }
            sum[q * TILE + i] = s;
          }
        }
      }
    }
  }

  int outWidth = int(push.outputSize & 0xffffu), outHeight = int(push.outputSize >> 16);
  uint o0 = channelTile * Q * LANES + lane;
  float bias[Q];
  [[unroll]] for (int q = 0; q < Q; ++q) {
    uint o = o0 + q * LANES;
    bias[q] = weightF32(push.bias, o);
    if (HAS_LANE_BIAS) {
      uint slice = n * push.laneBiasStride + push.laneBiasAt;
      bias[q] += o < push.outputs ? arenaF32(push.laneBias, slice + min(o, push.outputs - 1u)) : 0.0;
    }
  }
#define FINISH(px, py, value)                                                         \
  if (px < outWidth && py < outHeight) {                                              \
    uint to = uint((n * outHeight + py) * outWidth + px) * push.outputStride + o0;    \
    [[unroll]] for (int q = 0; q < Q; ++q) {                                          \
      if (WHOLE_CHANNELS || o0 + q * LANES < push.outputStride) {                     \
        float s = activate1(ACTIVATION, value + bias[q]);                             \
        if (HAS_RESIDUAL) s += arenaLoad1(push.residual, to + q * LANES);             \
        arenaStore1(push.y, to + q * LANES, s * push.outputScale);                    \
      }                                                                               \
    }                                                                                 \
  }
  if (ROLL_STORES) {
    // The row is selected, not indexed: a software device reads an array that is indexed at run time value by value.
    [[dont_unroll]] for (int y = 0; y < TILE_Y; ++y) {
      float row[Q * TILE_X];
      [[unroll]] for (int i = 0; i < Q * TILE_X; ++i) {
        int first = i / TILE_X * TILE + i % TILE_X;
        row[i] = sum[first];
        [[unroll]] for (int r = 1; r < TILE_Y; ++r) row[i] = y == r ? sum[first + r * TILE_X] : row[i];
      }
      [[unroll]] for (int x = 0; x < TILE_X; ++x) {
        FINISH(outX + x, outY + y, row[q * TILE_X + x])
      }
    }
  } else {
    [[unroll]] for (int i = 0; i < TILE; ++i) {
      FINISH(outX + i % TILE_X, outY + i / TILE_X, sum[q * TILE + i])
    }
  }
}
