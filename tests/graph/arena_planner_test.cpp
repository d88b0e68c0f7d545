#include "graph/arena_planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace rivulet::graph {
namespace {

TEST(ArenaPlanner, NothingNeedsNothing) {
  EXPECT_EQ(planArena({}, 256).bytes, 0u);
}

TEST(ArenaPlanner, BlocksThatNeverMeetShareMemory) {
  const ArenaPlan plan = planArena({{1000, 0, 1}, {1000, 2, 3}}, 256);
  EXPECT_EQ(plan.offsets[0], 0u);
  EXPECT_EQ(plan.offsets[1], 0u);
  EXPECT_EQ(plan.bytes, 1024u);
}

TEST(ArenaPlanner, ABlockReadByTheDispatchThatWritesAnotherDoesNotShareWithIt) {
  const ArenaPlan plan = planArena({{512, 0, 1}, {512, 1, 2}}, 256);
  EXPECT_NE(plan.offsets[0], plan.offsets[1]);
  EXPECT_EQ(plan.bytes, 1024u);
}

TEST(ArenaPlanner, FillsTheGapBetweenTwoLargerBlocks) {
  // The two large blocks meet; the small one meets the first only, and the second's place is free by then.
  const ArenaPlan plan = planArena({{4096, 0, 4}, {2048, 0, 1}, {1024, 2, 3}}, 256);
  EXPECT_EQ(plan.offsets[2], plan.offsets[1]);
  EXPECT_EQ(plan.bytes, 6144u);
}

TEST(ArenaPlanner, RandomPlansNeverOverlapAndNeverBeatTheLowerBound) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> blocks(1 + random() % 40);
    for (Lifetime& block : blocks) {
      block.bytes = 1 + random() % 5000;
      block.first = static_cast<std::uint32_t>(random() % 30);
      block.last = block.first + static_cast<std::uint32_t>(random() % 10);
    }
    const ArenaPlan plan = planArena(blocks, 64);
    std::uint64_t needed = 0;
    for (std::uint32_t when = 0; when < 40; ++when) {
      std::uint64_t alive = 0;
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (blocks[i].first <= when && when <= blocks[i].last) {
          alive += blocks[i].bytes;
        }
      }
      needed = std::max(needed, alive);
    }
    EXPECT_GE(plan.bytes, needed);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0u);
      EXPECT_LE(plan.offsets[i] + blocks[i].bytes, plan.bytes);
      for (std::size_t j = i + 1; j < blocks.size(); ++j) {
        const bool meet = blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last;
        const bool apart = plan.offsets[i] + blocks[i].bytes <= plan.offsets[j] ||
                           plan.offsets[j] + blocks[j].bytes <= plan.offsets[i];
        EXPECT_TRUE(!meet || apart) << "round " << round << ": blocks " << i << " and " << j;
      }
    }
  }
}

}  // namespace
}  // namespace rivulet::graph
