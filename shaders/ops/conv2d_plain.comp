// 2-D convolution, 1x1 or 3x3, without subgroup operations: the fallback of conv2d.comp, with the same tensors.
//
//   weights [O / 4][I / 4][taps][4][4] in storage type: for 4 outputs, each a vec4 over input channels
//
// An invocation makes 4 channels of one pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int KERNEL = 3;
layout(constant_id = 2) const int STRIDE = 1;
layout(constant_id = 3) const int PADDING = 0;  // ops::Padding
layout(constant_id = 4) const uint FLAGS = 0u;
layout(constant_id = 5) const int INPUT_ACTIVATION = 0;
layout(constant_id = 6) const int ACTIVATION = 0;

const bool HAS_X2 = (FLAGS & 1u) != 0u;
const bool HAS_PROLOGUE = (FLAGS & 2u) != 0u;
const bool HAS_PIXEL_SCALE = (FLAGS & 4u) != 0u;
const bool HAS_RESIDUAL = (FLAGS & 8u) != 0u;
const bool HAS_LANE_BIAS = (FLAGS & 16u) != 0u;

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
  uint channels1;
  uint outputs;
  uint units;  // pixels of the output
  float outputScale;
} push;

const int TAPS = KERNEL * KERNEL;
const int PAD_BEFORE = KERNEL == 3 && PADDING != 2 ? 1 : 0;

int coordinate(int i, int size, inout bool inside) {
  if (PADDING == 0 || KERNEL == 1) {
    i += i < 0 ? size : 0;
    return i - (i >= size ? size : 0);
  }
  inside = inside && (PADDING == 3 || (i >= 0 && i < size));
  return clamp(i, 0, size - 1);
}

// Channels k..k+3 of row n of scale or shift. Past the last channel the weights are zero; the values only have to be finite.
vec4 four(uint offset, uint n, uint k) {
  vec4 v;
  [[unroll]] for (uint i = 0u; i < 4u; ++i) {
    v[i] = arenaF32(offset, n * push.scaleStride + min(k + i, push.scaleStride - 1u));
  }
  return v;
}

void main() {
  uint at = gl_GlobalInvocationID.x;
  if (at >= push.units) return;
  uint n = gl_WorkGroupID.z;
  uint o4 = gl_WorkGroupID.y;
  int width = int(push.inputSize & 0xffffu), height = int(push.inputSize >> 16);
  uint outWidth = push.outputSize & 0xffffu;
  int outX = int(at % outWidth), outY = int(at / outWidth);

  vec4 sum = vec4(0.0);
  uint rows = push.stride1 / 4u + (HAS_X2 ? push.stride2 / 4u : 0u);
  [[dont_unroll]] for (int t = 0; t < TAPS; ++t) {
    bool inside = true;
    int x = coordinate(outX * STRIDE - PAD_BEFORE + t % KERNEL, width, inside);
    int y = coordinate(outY * STRIDE - PAD_BEFORE + t / KERNEL, height, inside);
    uint pixel = (n * uint(height) + uint(y)) * uint(width) + uint(x);
    float mask = inside ? 1.0 : 0.0;
    float pixelScale = HAS_PIXEL_SCALE ? arenaF32(push.pixelScale, pixel) : 1.0;
    uint w = (o4 * rows * TAPS + t) * 4u;
    [[dont_unroll]] for (int input_ = 0; input_ < (HAS_X2 ? 2 : 1); ++input_) {
      uint quads = (input_ == 0 ? push.stride1 : push.stride2) / 4u;
      uint base = input_ == 0 ? push.x : push.x2;
      uint channel = input_ == 0 ? 0u : push.channels1;
      [[dont_unroll]] for (uint c = 0u; c < quads; ++c) {
        vec4 v = arenaLoad4(base, pixel * quads + c);
        if (HAS_PROLOGUE) {
          v = v * pixelScale * four(push.scale, n, channel + 4u * c) + four(push.shift, n, channel + 4u * c);
          v = activate4(INPUT_ACTIVATION, v);
        }
        v *= mask;
        sum.x += dot(v, weightLoad4(push.weight, w));
        sum.y += dot(v, weightLoad4(push.weight, w + 1u));
        sum.z += dot(v, weightLoad4(push.weight, w + 2u));
        sum.w += dot(v, weightLoad4(push.weight, w + 3u));
        w += TAPS * 4u;
      }
    }
  }

  uint o = o4 * 4u;
  sum += weightF32x4(push.bias, o4);
  if (HAS_LANE_BIAS) {
    uint slice = n * push.laneBiasStride + push.laneBiasAt;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      sum[i] += o + i < push.outputs ? arenaF32(push.laneBias, slice + min(o + i, push.outputs - 1u)) : 0.0;
    }
  }
  sum = activate4(ACTIVATION, sum);
  uint to = (n * push.units + at) * (push.outputStride / 4u) + o4;
  if (HAS_RESIDUAL) sum += arenaLoad4(push.residual, to);
  arenaStore4(push.y, to, sum * push.outputScale);
}
