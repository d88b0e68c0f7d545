#pragma once
// Offsets for blocks whose lifetimes are known: two blocks share memory only if no dispatch needs both.

#include <cstdint>
#include <vector>

namespace rivulet::graph {

/// A block alive from dispatch `first` to dispatch `last`, both inclusive.
struct Lifetime {
  std::uint64_t bytes = 0;
  std::uint32_t first = 0, last = 0;
};

struct ArenaPlan {
  std::vector<std::uint64_t> offsets;  // one per block, multiples of the alignment
  std::uint64_t bytes = 0;             // size of the arena
};

/// Greedy by size: largest block first, each at the lowest offset that is free over its whole lifetime (Pisarchyk &
/// Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, "Greedy by Size for Offset Calculation").
/// Deterministic. O(n^2).
ArenaPlan planArena(const std::vector<Lifetime>& blocks, std::uint64_t alignment);

}  // namespace rivulet::graph
