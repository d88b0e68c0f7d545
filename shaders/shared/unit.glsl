// Sixteen bytes at once: eight halves or four floats, as they lie in memory. Include behind shared/tensor.glsl.
//
//   arenaUnit(offset, i)            unit i of a tensor, as uvec4       weightUnit(offset, i)
//   arenaUnitStore(offset, i, v)
#ifndef RVL_UNIT_GLSL
#define RVL_UNIT_GLSL

#if RVL_BDA
layout(buffer_reference, std430, buffer_reference_align = 16) buffer ArenaUnits { uvec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer WeightUnits { uvec4 v[]; };
#define RVL_ARENA_UNITS RVL_ARENA(ArenaUnits)
#define RVL_WEIGHT_UNITS RVL_WEIGHT(WeightUnits)
#else
layout(set = 0, binding = 0, std430) buffer ArenaUnits { uvec4 v[]; } arenaUnits_;
layout(set = 0, binding = 1, std430) readonly buffer WeightUnits { uvec4 v[]; } weightUnits_;
#define RVL_ARENA_UNITS arenaUnits_.v
#define RVL_WEIGHT_UNITS weightUnits_.v
#endif

#define arenaUnit(offset, i) RVL_ARENA_UNITS[(offset) + (i)]
#define arenaUnitStore(offset, i, value) RVL_ARENA_UNITS[(offset) + (i)] = (value)
#define weightUnit(offset, i) RVL_WEIGHT_UNITS[(offset) + (i)]

// Eight halves as floats, and back.
void unpackHalves(uvec4 unit, out vec4 low, out vec4 high) {
  low = vec4(unpackHalf2x16(unit.x), unpackHalf2x16(unit.y));
  high = vec4(unpackHalf2x16(unit.z), unpackHalf2x16(unit.w));
}
uvec4 packHalves(vec4 low, vec4 high) {
  return uvec4(packHalf2x16(low.xy), packHalf2x16(low.zw), packHalf2x16(high.xy), packHalf2x16(high.zw));
}

#endif
