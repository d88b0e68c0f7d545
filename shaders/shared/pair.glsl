// Two neighbouring channels with one access: on devices that gather, an access costs the same whatever its width.
// Include behind shared/tensor.glsl; only with RVL_BDA.
//
//   arenaPair(offset, i)            elements 2i and 2i + 1 of a tensor in storage type
//   arenaPairStore(offset, i, v)
//   arenaF32Pair(offset, i), arenaF32PairStore(offset, i, v), weightF32Pair(offset, i): the same, always float
#ifndef RVL_PAIR_GLSL
#define RVL_PAIR_GLSL

#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(buffer_reference, std430, buffer_reference_align = 8) buffer ArenaPairs { uint64_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer WeightPairs { uint64_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer ArenaHalfPairs { uint v[]; };

#define arenaF32Pair(offset, i) uintBitsToFloat(unpack32(RVL_ARENA(ArenaPairs)[(offset) * 2u + (i)]))
#define arenaF32PairStore(offset, i, value) RVL_ARENA(ArenaPairs)[(offset) * 2u + (i)] = pack64(floatBitsToUint(value))
#define weightF32Pair(offset, i) uintBitsToFloat(unpack32(RVL_WEIGHT(WeightPairs)[(offset) * 2u + (i)]))
#if RVL_F16
#define arenaPair(offset, i) unpackHalf2x16(RVL_ARENA(ArenaHalfPairs)[(offset) * 4u + (i)])
#define arenaPairStore(offset, i, value) RVL_ARENA(ArenaHalfPairs)[(offset) * 4u + (i)] = packHalf2x16(value)
#else
#define arenaPair(offset, i) arenaF32Pair(offset, i)
#define arenaPairStore(offset, i, value) arenaF32PairStore(offset, i, value)
#endif

#endif
