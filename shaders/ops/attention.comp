// softmax(q k^T * scale) v for every head, without the N×N matrix.
//
//   input   q, k, v [N,H,W,C], C = heads * D, a head's channels side by side     storage type
//   output  [N,H,W,C]                                                             storage type
//
// Each invocation owns QUERIES queries of one head and a slice of at most SLICE output channels. It walks over the keys
// in blocks of eight with a running maximum and sum: Milakov & Gimelshein, "Online normalizer calculation for softmax",
// 2018, algorithm 3; Dao et al., "FlashAttention", 2022, section 3.1. Wider heads are cut into slices that each compute
// the scores.
//
// RVL_SUBGROUP = 1: lane i loads key i of a block and the subgroup broadcasts it, which is much faster than eight loads
// of one address on a software device. Needs whole subgroups of at least eight lanes.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/tensor.glsl"
#if RVL_SUBGROUP
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LOCAL = 64u;
layout(constant_id = 1) const uint D = 64u;      // channels of a head
layout(constant_id = 2) const uint SLICE_QUADS = 16u;  // output quads of an invocation
layout(constant_id = 3) const uint QUERIES = 1u;
layout(constant_id = 4) const bool KEEP_Q = true;  // the query stays in registers

const uint QUADS = (D + 3u) / 4u;
const bool WHOLE = D % 4u == 0u;         // a head starts at a quad

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint q;
  uint k;
  uint v;
  uint y;
  uint tokens;
  uint channels;
  uint heads;
  float scale;  // of the scores, times log2(e)
} push;

// Channels 4 quad .. 4 quad + 3 of a head of a token; zeros past the head's end.
vec4 headQuad(uint tensor, uint token, uint head, uint quad) {
  uint stride = (push.channels + 7u) & ~7u;
  if (WHOLE) return arenaLoad4(tensor, token * (stride / 4u) + head * (D / 4u) + quad);
  vec4 r = vec4(0.0);
  for (uint j = 0u; j < 4u; ++j) {
    if (quad * 4u + j < D) r[j] = arenaLoad1(tensor, token * stride + head * D + quad * 4u + j);
  }
  return r;
}

#if RVL_SUBGROUP
#define KEY_QUAD(tensor, quad) \
  vec4 mine_ = headQuad(tensor, image + min(block + (gl_SubgroupInvocationID & 7u), last), head, quad)
#define KEY(tensor, i, quad) subgroupBroadcast(mine_, i)
#else
#define KEY_QUAD(tensor, quad)
#define KEY(tensor, i, quad) headQuad(tensor, image + min(block + i, last), head, quad)
#endif
#define EACH_KEY(DO) DO(0u) DO(1u) DO(2u) DO(3u) DO(4u) DO(5u) DO(6u) DO(7u)  // subgroupBroadcast wants literals
#define EACH_QUERY [[unroll]] for (uint n = 0u; n < QUERIES; ++n)

void main() {
  uint head = gl_WorkGroupID.y % push.heads;
  uint slice = gl_WorkGroupID.y / push.heads;
  uint image = gl_WorkGroupID.z * push.tokens;
  uint last = push.tokens - 1u;
  uint firstQuad = slice * SLICE_QUADS;

  // Queries past the last repeat it, so that subgroups stay whole; they are not written.
  uint token[QUERIES];
  vec4 query[QUERIES][KEEP_Q ? QUADS : 1u];
  EACH_QUERY {
    token[n] = image + min((gl_WorkGroupID.x * QUERIES + n) * LOCAL + gl_LocalInvocationID.x, last);
    if (KEEP_Q) [[unroll]] for (uint d = 0u; d < QUADS; ++d) query[n][d] = headQuad(push.q, token[n], head, d);
  }

  float maximum[QUERIES], total[QUERIES];
  vec4 acc[QUERIES][SLICE_QUADS];
  EACH_QUERY {
    maximum[n] = -3.0e38;
    total[n] = 0.0;
    [[unroll]] for (uint d = 0u; d < SLICE_QUADS; ++d) acc[n][d] = vec4(0.0);
  }

  for (uint block = 0u; block < push.tokens; block += 8u) {
    float score[QUERIES][8];
    EACH_QUERY [[unroll]] for (uint i = 0u; i < 8u; ++i) score[n][i] = 0.0;
    if (KEEP_Q) {
      [[unroll]] for (uint d = 0u; d < QUADS; ++d) {
        KEY_QUAD(push.k, d);
#define ADD_SCORE(i) { vec4 key = KEY(push.k, i, d); EACH_QUERY score[n][i] += dot(query[n][d], key); }
        EACH_KEY(ADD_SCORE)
      }
    } else {
      [[dont_unroll]] for (uint d = 0u; d < QUADS; ++d) {
        vec4 part[QUERIES];
        EACH_QUERY part[n] = headQuad(push.q, token[n], head, d);
        KEY_QUAD(push.k, d);
#define ADD_PART(i) { vec4 key = KEY(push.k, i, d); EACH_QUERY score[n][i] += dot(part[n], key); }
        EACH_KEY(ADD_PART)
      }
    }

    // Keys past the last repeat it with no weight.
    EACH_QUERY {
      float highest = maximum[n];
      [[unroll]] for (uint i = 0u; i < 8u; ++i) {
        score[n][i] = block + i <= last ? score[n][i] * push.scale : -3.0e38;
        highest = max(highest, score[n][i]);
      }
      float shrink = exp2(maximum[n] - highest);
      maximum[n] = highest;
      total[n] *= shrink;
      [[unroll]] for (uint i = 0u; i < 8u; ++i) {
        score[n][i] = exp2(score[n][i] - highest);
        total[n] += score[n][i];
      }
      [[unroll]] for (uint d = 0u; d < SLICE_QUADS; ++d) acc[n][d] *= shrink;
    }
    [[unroll]] for (uint d = 0u; d < SLICE_QUADS; ++d) {
      // A last slice may be shorter: it repeats its last quad and does not write it.
      uint quad = min(firstQuad + d, QUADS - 1u);
      KEY_QUAD(push.v, quad);
#define ADD_VALUE(i) { vec4 value = KEY(push.v, i, quad); EACH_QUERY acc[n][d] += score[n][i] * value; }
      EACH_KEY(ADD_VALUE)
    }
  }

  uint stride = (push.channels + 7u) & ~7u;
  EACH_QUERY {
    if ((gl_WorkGroupID.x * QUERIES + n) * LOCAL + gl_LocalInvocationID.x > last) continue;
    float inverse = 1.0 / total[n];
    [[unroll]] for (uint d = 0u; d < SLICE_QUADS; ++d) {
      uint quad = firstQuad + d;
      if (quad >= QUADS) continue;
      vec4 r = acc[n][d] * inverse;
      if (WHOLE) {
        arenaStore4(push.y, token[n] * (stride / 4u) + head * (D / 4u) + quad, r);
      } else {
        [[unroll]] for (uint j = 0u; j < 4u; ++j) {
          if (quad * 4u + j < D) arenaStore1(push.y, token[n] * stride + head * D + quad * 4u + j, r[j]);
        }
      }
    }
    // Padding channels, by the first slice of the first head.
    if (head == 0u && slice == 0u) {
      for (uint c = push.channels; c < stride; ++c) arenaStore1(push.y, token[n] * stride + c, 0.0);
    }
  }
}
