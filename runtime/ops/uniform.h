#pragma once
// What the hosts of kernels with uniform loads (shared/uniform.glsl) share: workgroups of several subgroups that each
// do a piece of work without a loop, and the numbers of both as the kernels want them.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "graph/graph.h"

namespace rivulet::ops {

/// The most subgroups of `lanes` that a workgroup can have.
inline std::uint32_t mostSubgroups(const vk::DeviceCaps& caps, std::uint32_t lanes) {
  const std::uint32_t most = std::min(caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]) / lanes;
  return caps.maxWorkgroupSubgroups != 0 ? std::min(most, caps.maxWorkgroupSubgroups) : most;
}

/// Subgroups of a workgroup: `wanted`, a power of two, or as many as the device allows. A workgroup costs 130 ns by
/// itself, another subgroup in it 10 (lavapipe 25.0.7, Zen 3).
inline std::uint32_t subgroupsOf(const vk::DeviceCaps& caps, std::uint32_t lanes, std::uint32_t wanted) {
  return std::min(wanted, std::bit_floor(mostSubgroups(caps, lanes)));
}

/// The bits of the numbers below `count`, which is at least 1.
inline std::uint32_t bitsOf(std::uint32_t count) {
  return static_cast<std::uint32_t>(std::bit_width(count - 1));
}

/// The same in whole digits of `digit` bits (UNIFORM_BITS): what uniformIndex() is told. It reads digits, and grids
/// that want as many of them share a pipeline, which takes the driver's compiler seconds.
inline std::uint32_t uniformBits(std::uint32_t count, std::uint32_t digit) {
  return (bitsOf(count) + digit - 1) / digit * digit;
}

/// Appends `identity`, the numbers below 2^UNIFORM_BITS = `count`.
inline void identityTable(graph::PushConstants& push, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) push.word(i);
}

}  // namespace rivulet::ops
