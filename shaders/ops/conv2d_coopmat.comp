// Convolution on matrix units (ops/conv2d_coopmat.h): an implicit matrix product in halves, summed in floats, or in bytes,
// summed in integers (RVL_INT8). ops/staging.glsl has the tensors and the way it works.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#if RVL_INT8
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#define FACTOR int8_t
#else
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define FACTOR float16_t
#endif
#include "ops/staging.glsl"

coopmat<SUM, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[FM * FN];

int subgroupIndex() { return int(gl_SubgroupID); }

void clearSums() {
  [[unroll]] for (int i = 0; i < FM * FN; ++i)
    sums[i] = coopmat<SUM, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(SUM(0));
}

void multiply(int step, int sm, int sn, int st) {
  int a0 = firstInput(step, st), b0 = firstWeight(step, sn, st);
  [[unroll]] for (int k = 0; k < BK / K; ++k) {
    coopmat<FACTOR, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[FM];
    [[unroll]] for (int i = 0; i < FM; ++i) {
      coopMatLoad(a[i], pool, a0 + positionOf(i, sm) * PITCH + k * K / 8, STRIDE * PITCH,
                  gl_CooperativeMatrixLayoutRowMajor);
    }
    [[unroll]] for (int j = 0; j < FN; ++j) {
      coopmat<FACTOR, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad(b, pool, b0 + j * N * PITCH + k * K / 8, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (int i = 0; i < FM; ++i) sums[i * FN + j] = coopMatMulAdd(a[i], b, sums[i * FN + j]);
    }
  }
}

void stageSums(int fm, int subgroup) {
  [[unroll]] for (int j = 0; j < FN; ++j) {
    coopMatStore(sums[fm * FN + j], pool, subgroup * M * SUM_PITCH + j * N / SUMS_PER_UNIT, SUM_PITCH,
                 gl_CooperativeMatrixLayoutRowMajor);
  }
}

#include "ops/staged_writer.glsl"
