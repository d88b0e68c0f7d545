// Statistics of group norm, as the affine map they amount to: y = x * scale + shift.
//
//   input   x [N,H,W,C1], x2 [N,H,W,C2] or none, read as one; a group is `groupChannels` neighbouring channels
//   output  scale, shift [N,1,1,C1+C2] float
//
// One workgroup per (chunk of pixels, group, image). Two passes: the mean, then squared deviations from it, which is
// safe for data whose mean is large against its deviation. MODE:
//   0  an image is one chunk: writes scale and shift
//   1  writes (mean, squared deviations) of its chunk to `partials` [N, groups, chunks] vec2
//   2  folds the chunks: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
//      variances", 1979. Dispatched with one workgroup per (group, image).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;  // a power of two
layout(constant_id = 1) const uint MODE = 0u;
layout(constant_id = 2) const bool QUADS = false;  // groups are multiples of 4 channels, and LAYOUT is not ANY
layout(constant_id = 3) const uint LAYOUT = 2u;    // RVL_INPUT_* of ops/norm_input.glsl

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint x;
  uint x2;
  uint scale;
  uint shift;
  uint partials;
  uint gamma;  // weights: C float, padded
  uint beta;   // the same; zeros where there is none
  uint modulation;
  uint modulationStride;  // 0: not modulated
  uint scaleAt;
  uint shiftAt;
  uint c1;
  uint c2;
  uint groupChannels;
  uint pixels;  // of one image
  uint chunkPixels;
  uint chunks;
  float epsilon;
  uint groups;  // of channels
} push;

#include "ops/norm_input.glsl"
#include "shared/reduce.glsl"

// (sum of x - mean, sum of its squares) over this invocation's share of a chunk.
vec2 deviations(uint image, uint group, uint begin, uint end, float mean) {
  vec4 sum = vec4(0.0), squares = vec4(0.0);
  uint channel = group * push.groupChannels;
  for (uint p = begin + gl_LocalInvocationID.x; p < end; p += LOCAL) {
    uint pixel = image * push.pixels + p;
    if (QUADS) {
      for (uint q = 0u; q < push.groupChannels / 4u; ++q) {
        vec4 d = inputQuad(pixel, channel / 4u + q, LAYOUT, push.c1, push.c2) - mean;
        sum += d;
        squares += d * d;
      }
    } else {
      for (uint c = 0u; c < push.groupChannels; ++c) {
        float d = inputChannel(pixel, channel + c, push.c1, push.c2) - mean;
        sum.x += d;
        squares.x += d * d;
      }
    }
  }
  return vec2((sum.x + sum.y) + (sum.z + sum.w), (squares.x + squares.y) + (squares.z + squares.w));
}

void writeAffine(uint image, uint group, float mean, float variance) {
  float inverse = 1.0 / sqrt(variance + push.epsilon);
  uint stride = padChannels(push.c1 + push.c2);
  for (uint c = gl_LocalInvocationID.x; c < push.groupChannels; c += LOCAL) {
    uint channel = group * push.groupChannels + c;
    float scale = inverse * weightF32(push.gamma, channel);
    float shift = weightF32(push.beta, channel) - mean * scale;
    if (push.modulationStride != 0u) {
      uint row = image * push.modulationStride + channel;
      float factor = 1.0 + arenaF32(push.modulation, row + push.scaleAt);
      scale *= factor;
      shift = shift * factor + arenaF32(push.modulation, row + push.shiftAt);
    }
    arenaF32Store(push.scale, image * stride + channel, scale);
    arenaF32Store(push.shift, image * stride + channel, shift);
  }
  // Padding channels, by the first group.
  uint padded = push.c1 + push.c2 + gl_LocalInvocationID.x;
  if (group == 0u && padded < stride) {
    arenaF32Store(push.scale, image * stride + padded, 0.0);
    arenaF32Store(push.shift, image * stride + padded, 0.0);
  }
}

void main() {
  uint chunk = gl_WorkGroupID.x, group = gl_WorkGroupID.y, image = gl_WorkGroupID.z;
  uint row = (image * push.groups + group) * push.chunks;

  if (MODE == 2u) {
    // Means against the first chunk's: what is summed stays small.
    float base = arenaF32(push.partials, 2u * row);
    vec2 sums = vec2(0.0);
    for (uint i = gl_LocalInvocationID.x; i < push.chunks; i += LOCAL) {
      float count = float(min(push.chunkPixels, push.pixels - i * push.chunkPixels));
      sums += vec2(count * (arenaF32(push.partials, 2u * (row + i)) - base), 0.0);
    }
    float mean = base + reduceAdd(sums).x / float(push.pixels);
    sums = vec2(0.0);
    for (uint i = gl_LocalInvocationID.x; i < push.chunks; i += LOCAL) {
      float count = float(min(push.chunkPixels, push.pixels - i * push.chunkPixels)) * float(push.groupChannels);
      float d = arenaF32(push.partials, 2u * (row + i)) - mean;
      sums.x += arenaF32(push.partials, 2u * (row + i) + 1u) + count * d * d;
    }
    float variance = reduceAdd(sums).x / (float(push.pixels) * float(push.groupChannels));
    writeAffine(image, group, mean, variance);
    return;
  }

  uint begin = chunk * push.chunkPixels;
  uint end = min(begin + push.chunkPixels, push.pixels);
  float count = float(end - begin) * float(push.groupChannels);
  float mean = reduceAdd(deviations(image, group, begin, end, 0.0)).x / count;
  vec2 rest = reduceAdd(deviations(image, group, begin, end, mean));
  // What rounding left in the mean: the sum of deviations would be 0.
  float correction = rest.x / count;
  float squares = max(rest.y - rest.x * correction, 0.0);
  mean += correction;
  if (MODE == 0u) {
    writeAffine(image, group, mean, squares / count);
  } else if (gl_LocalInvocationID.x == 0u) {
    arenaF32Store(push.partials, 2u * (row + chunk), mean);
    arenaF32Store(push.partials, 2u * (row + chunk) + 1u, squares);
  }
}
