#include "graph/arena_planner.h"

#include <algorithm>
#include <numeric>

namespace rivulet::graph {
namespace {

std::uint64_t alignUp(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

ArenaPlan planArena(const std::vector<Lifetime>& blocks, std::uint64_t alignment) {
  ArenaPlan plan;
  plan.offsets.assign(blocks.size(), 0);
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return blocks[a].bytes > blocks[b].bytes; });

  std::vector<std::size_t> placed;  // sorted by offset
  for (const std::size_t index : order) {
    const Lifetime& block = blocks[index];
    std::uint64_t offset = 0;
    for (const std::size_t other : placed) {
      if (!overlap(block, blocks[other])) {
        continue;
      }
      if (offset + block.bytes <= plan.offsets[other]) {
        break;  // fits in the gap before this one
      }
      offset = std::max(offset, alignUp(plan.offsets[other] + blocks[other].bytes, alignment));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + block.bytes);
    const auto position = std::upper_bound(placed.begin(), placed.end(), index, [&](std::size_t a, std::size_t b) {
      return plan.offsets[a] < plan.offsets[b];
    });
    placed.insert(position, index);
  }
  plan.bytes = alignUp(plan.bytes, alignment);
  return plan;
}

}  // namespace rivulet::graph
