// Loads from addresses that all lanes of a subgroup share, for software devices. Include behind shared/pair.glsl, LANES,
// UNIFORM_BITS and the push constants, which have `uint identity[1 << UNIFORM_BITS]`: 0, 1, 2, ...
//
// lavapipe loads such a value once and broadcasts it, and neighbouring ones become a single vector load, but only where
// two things hold:
//   - it sees that the address is uniform: it is made of constants and of push constants, whatever their index, because the
//     specification wants arrays of them accessed with uniform indices. So gl_WorkGroupID and gl_SubgroupID go through a
//     table of push constants first. The latter is uniform only in its subgroup, which is less than the specification
//     wants, and enough for devices that run one subgroup after another: these kernels are for no other;
//   - no branch or loop is around it: a lane might be inactive there.
// Anything else is a load for each lane, six instructions and a branch each where there is no gather (AVX2).
//
// Straight code that long is ordered badly by the driver's compiler: all loads first, and their results to the stack. Two
// things help:
//   - It does not move a load across a store. So kernels store an intermediate value to an array now and then, which stays
//     in memory because it is read once with an index that is no constant (push.identity[0]).
//   - It joins neighbouring loads only where they are used in the same basic block, and every first read of a push
//     constant ends one (its range is checked). So push constants are read before anything else.
#ifndef RVL_UNIFORM_GLSL
#define RVL_UNIFORM_GLSL

#extension GL_KHR_memory_scope_semantics : require

layout(buffer_reference, std430, buffer_reference_align = 4) buffer UniformFloats { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer UniformWords { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer UniformPairs { uint64_t v[]; };

// No subgroup of a workgroup goes on before all are here. These kernels' devices run them one after another, so the code
// up to here stays in the instruction cache for all of them. It says nothing of memory: that would be a fence each time.
void inStep() { controlBarrier(gl_ScopeWorkgroup, gl_ScopeWorkgroup, 0, 0); }

// The same value, known to be uniform; it has at most `bits` bits, at most 24.
uint uniformIndex(uint value, int bits) {
  uint result = 0u;
  [[unroll]] for (int digit = 0; digit < 8; ++digit) {
    const int shift = digit * UNIFORM_BITS;
    if (shift < bits) {
      result |= push.identity[(value >> uint(shift)) & ((1u << uint(UNIFORM_BITS)) - 1u)] << uint(shift);
    }
  }
  return result;
}

// i / divisor where that is below 2^22: a division of integers is one for each lane. Floats are off by one at most.
uint quotient(uint i, uint divisor) {
  int n = int(i), d = int(divisor);
  int result = int(float(n) / float(d));
  result = result * d > n ? result - 1 : result;
  return uint(n - result * d >= d ? result + 1 : result);
}

// Addresses of tensors; an index is that of a float.
uint64_t arenaAt(uint tensor) { return uint64_t(push.arenaAddress) + uint64_t(tensor) * 16ul; }
uint64_t weightAt(uint tensor) { return uint64_t(push.weightAddress) + uint64_t(tensor) * 16ul; }
uint64_t floatsAt(uint64_t base, uint index) { return base + uint64_t(index) * 4ul; }

// Lane i gets float first + i.
float laneFloats(uint64_t address, int first) {
  UniformFloats from = UniformFloats(address);
  uint lane = gl_SubgroupInvocationID;
  float result = from.v[first];
  [[unroll]] for (int i = 1; i < LANES; ++i) {
    float value = from.v[first + i];
    result = lane == uint(i) ? value : result;
  }
  return result;
}

#endif
