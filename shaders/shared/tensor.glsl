// How every kernel reads and writes memory. Two buffers exist: the arena (activations, state) and the weights. A tensor is
// an offset in units of 16 bytes from the start of its buffer.
//
// Variants, chosen by defines:
//   RVL_F16 = 0|1  storage type of activations and weights (arithmetic is always fp32)
//   RVL_BDA = 0|1  pointers in push constants, or two storage buffers in set 0
//
// A kernel declares its own words after the addresses:
//   layout(push_constant) uniform Push { RVL_PUSH_ADDRESSES uint inputOffset; ... } push;
//
// A dispatch may be recorded in parts, each with the workgroup it begins at: gl_WorkGroupID is that of the whole, but
// gl_NumWorkGroups is the part's. A kernel that needs to know how many there are gets it as a word.
//
//   arenaLoad4(offset, i)      elements 4i..4i+3 of a tensor in storage type, as vec4        weightLoad4(offset, i)
//   arenaLoad1(offset, i)      element i, as float                                           weightLoad1(offset, i)
//   arenaStore4(offset, i, v)  arenaStore1(offset, i, v)
//   arenaF32(offset, i), arenaF32x4(offset, i): the same for tensors that are always float   weightF32, weightF32x4
//   arenaF32Store(offset, i, v), arenaF32x4Store(offset, i, v)
#ifndef RVL_TENSOR_GLSL
#define RVL_TENSOR_GLSL

#extension GL_EXT_control_flow_attributes : require
#if RVL_F16
#extension GL_EXT_shader_16bit_storage : require
#define RVL_STORAGE float16_t
#define RVL_STORAGE4 f16vec4
#define RVL_STORAGE4_BYTES 8
#else
#define RVL_STORAGE float
#define RVL_STORAGE4 vec4
#define RVL_STORAGE4_BYTES 16
#endif

#if RVL_BDA

#extension GL_EXT_buffer_reference : require
layout(buffer_reference, std430, buffer_reference_align = 16) buffer ArenaFloat4 { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer ArenaFloat { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer WeightFloat4 { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer WeightFloat { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = RVL_STORAGE4_BYTES) buffer ArenaStorage4 { RVL_STORAGE4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer ArenaStorage { RVL_STORAGE v[]; };
layout(buffer_reference, std430, buffer_reference_align = RVL_STORAGE4_BYTES) readonly buffer WeightStorage4 { RVL_STORAGE4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer WeightStorage { RVL_STORAGE v[]; };
#define RVL_PUSH_ADDRESSES ArenaFloat4 arenaAddress; WeightFloat4 weightAddress;
#define RVL_ARENA(type) type(push.arenaAddress).v
#define RVL_WEIGHT(type) type(push.weightAddress).v
#define RVL_ARENA_F32X4 push.arenaAddress.v
#define RVL_ARENA_F32 RVL_ARENA(ArenaFloat)
#define RVL_ARENA_S4 RVL_ARENA(ArenaStorage4)
#define RVL_ARENA_S1 RVL_ARENA(ArenaStorage)
#define RVL_WEIGHT_F32X4 push.weightAddress.v
#define RVL_WEIGHT_F32 RVL_WEIGHT(WeightFloat)
#define RVL_WEIGHT_S4 RVL_WEIGHT(WeightStorage4)
#define RVL_WEIGHT_S1 RVL_WEIGHT(WeightStorage)

#else

// One buffer seen as several types: the same binding declared more than once.
layout(set = 0, binding = 0, std430) buffer ArenaFloat4 { vec4 v[]; } arenaFloat4_;
layout(set = 0, binding = 0, std430) buffer ArenaFloat { float v[]; } arenaFloat_;
layout(set = 0, binding = 0, std430) buffer ArenaStorage4 { RVL_STORAGE4 v[]; } arenaStorage4_;
layout(set = 0, binding = 0, std430) buffer ArenaStorage { RVL_STORAGE v[]; } arenaStorage_;
layout(set = 0, binding = 1, std430) readonly buffer WeightFloat4 { vec4 v[]; } weightFloat4_;
layout(set = 0, binding = 1, std430) readonly buffer WeightFloat { float v[]; } weightFloat_;
layout(set = 0, binding = 1, std430) readonly buffer WeightStorage4 { RVL_STORAGE4 v[]; } weightStorage4_;
layout(set = 0, binding = 1, std430) readonly buffer WeightStorage { RVL_STORAGE v[]; } weightStorage_;
#define RVL_PUSH_ADDRESSES uvec2 arenaAddress; uvec2 weightAddress;
#define RVL_ARENA_F32X4 arenaFloat4_.v
#define RVL_ARENA_F32 arenaFloat_.v
#define RVL_ARENA_S4 arenaStorage4_.v
#define RVL_ARENA_S1 arenaStorage_.v
#define RVL_WEIGHT_F32X4 weightFloat4_.v
#define RVL_WEIGHT_F32 weightFloat_.v
#define RVL_WEIGHT_S4 weightStorage4_.v
#define RVL_WEIGHT_S1 weightStorage_.v

#endif

// Elements of storage type in 16 bytes, and groups of four of them.
#if RVL_F16
#define RVL_S1_PER_UNIT 8u
#define RVL_S4_PER_UNIT 2u
#else
#define RVL_S1_PER_UNIT 4u
#define RVL_S4_PER_UNIT 1u
#endif

#define arenaLoad4(offset, i) vec4(RVL_ARENA_S4[(offset) * RVL_S4_PER_UNIT + (i)])
#define arenaLoad1(offset, i) float(RVL_ARENA_S1[(offset) * RVL_S1_PER_UNIT + (i)])
#define arenaStore4(offset, i, value) RVL_ARENA_S4[(offset) * RVL_S4_PER_UNIT + (i)] = RVL_STORAGE4(value)
#define arenaStore1(offset, i, value) RVL_ARENA_S1[(offset) * RVL_S1_PER_UNIT + (i)] = RVL_STORAGE(value)
#define arenaF32(offset, i) RVL_ARENA_F32[(offset) * 4u + (i)]
#define arenaF32x4(offset, i) RVL_ARENA_F32X4[(offset) + (i)]
#define arenaF32Store(offset, i, value) RVL_ARENA_F32[(offset) * 4u + (i)] = (value)
#define arenaF32x4Store(offset, i, value) RVL_ARENA_F32X4[(offset) + (i)] = (value)
#define weightLoad4(offset, i) vec4(RVL_WEIGHT_S4[(offset) * RVL_S4_PER_UNIT + (i)])
#define weightLoad1(offset, i) float(RVL_WEIGHT_S1[(offset) * RVL_S1_PER_UNIT + (i)])
#define weightF32(offset, i) RVL_WEIGHT_F32[(offset) * 4u + (i)]
#define weightF32x4(offset, i) RVL_WEIGHT_F32X4[(offset) + (i)]

// Activations fused into readers and writers; the values are ops::Activation.
#define RVL_ACTIVATION_NONE 0
#define RVL_ACTIVATION_SILU 1
vec4 activate4(int kind, vec4 v) { return kind == RVL_ACTIVATION_SILU ? v / (1.0 + exp(-v)) : v; }
float activate1(int kind, float v) { return kind == RVL_ACTIVATION_SILU ? v / (1.0 + exp(-v)) : v; }

#endif
