// A loop of cooperative multiply-adds that touches registers only: the arithmetic a device's matrix units can do at all, of
// halves summed in floats. Every accumulator begins at another value, so none is another's; the results are stored, so
// nothing can be dropped.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "shared/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int M = 16;
layout(constant_id = 2) const int N = 16;
layout(constant_id = 3) const int K = 16;
layout(constant_id = 4) const int ACCUMULATORS = 8;

layout(push_constant) uniform Push {
  RVL_PUSH_ADDRESSES
  uint y;  // M * N floats a subgroup
  uint passes;
  float factor;  // small: values keep their size however long it runs
} push;

void main() {
  coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a =
      coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>(float16_t(push.factor));
  coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b =
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>(float16_t(push.factor));
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[ACCUMULATORS];
  [[unroll]] for (int i = 0; i < ACCUMULATORS; ++i)
    sums[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(float(i));

  [[dont_unroll]] for (uint pass = 0u; pass < push.passes; ++pass) {
    [[unroll]] for (int i = 0; i < ACCUMULATORS; ++i) sums[i] = coopMatMulAdd(a, b, sums[i]);
  }

  [[unroll]] for (int i = 1; i < ACCUMULATORS; ++i) sums[0] += sums[i];
  uint subgroup = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID;
  coopMatStore(sums[0], RVL_ARENA_F32, push.y * 4u + subgroup * uint(M * N), N, gl_CooperativeMatrixLayoutRowMajor);
}
