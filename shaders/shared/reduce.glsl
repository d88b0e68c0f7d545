// The sum of one vec2 per invocation over the workgroup, given to every invocation, always added in the same order.
//
// Needs LOCAL, the workgroup's size: a power of two. RVL_SUBGROUP = 1 uses subgroup arithmetic; else shared memory
// alone.
#ifndef RVL_REDUCE_GLSL
#define RVL_REDUCE_GLSL

#if RVL_SUBGROUP
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif

shared vec2 reduceScratch[LOCAL];

vec2 reduceAdd(vec2 value) {
#if RVL_SUBGROUP
  vec2 sum = subgroupAdd(value);
  if (gl_NumSubgroups > 1u) {
    barrier();
    if (subgroupElect()) reduceScratch[gl_SubgroupID] = sum;
    barrier();
    sum = vec2(0.0);
    for (uint i = 0u; i < gl_NumSubgroups; ++i) sum += reduceScratch[i];
  }
  return sum;
#else
  barrier();
  reduceScratch[gl_LocalInvocationIndex] = value;
  for (uint half_ = LOCAL / 2u; half_ > 0u; half_ /= 2u) {
    barrier();
    if (gl_LocalInvocationIndex < half_) {
      reduceScratch[gl_LocalInvocationIndex] += reduceScratch[gl_LocalInvocationIndex + half_];
    }
  }
  barrier();
  return reduceScratch[0];
#endif
}

#endif
