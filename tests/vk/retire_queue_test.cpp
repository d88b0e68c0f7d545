#include "vk/retire_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace rivulet::vk {
namespace {

TEST(RetireQueue, RunsInTheOrderOfSerials) {
  RetireQueue queue;
  std::string order;
  queue.retire(2, [&] { order += "c"; });
  queue.retire(1, [&] { order += "a"; });
  queue.retire(3, [&] { order += "e"; });
  queue.retire(2, [&] { order += "d"; });
  queue.retire(1, [&] { order += "b"; });
  EXPECT_EQ(queue.pending(), 5u);
  queue.collect(0);
  EXPECT_EQ(order, "");
  queue.collect(2);
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(queue.pending(), 1u);
  queue.collect(2);
  EXPECT_EQ(order, "abcd");
  queue.drain();
  EXPECT_EQ(order, "abcde");
}

TEST(RetireQueue, DestructionRunsTheRest) {
  int ran = 0;
  {
    RetireQueue queue;
    queue.retire(UINT64_MAX, [&] { ++ran; });
  }
  EXPECT_EQ(ran, 1);
}

TEST(RetireQueue, ACallbackMayRetire) {
  std::string order;
  {
    RetireQueue queue;
    queue.retire(1, [&] {
      order += "a";
      queue.retire(2, [&] { order += "b"; });
    });
    queue.collect(1);
    EXPECT_EQ(order, "a");
  }
  EXPECT_EQ(order, "ab");
}

TEST(RetireQueue, ThreadsMayShareIt) {
  std::atomic<int> ran = 0;
  RetireQueue queue;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (std::uint64_t i = 1; i <= 200; ++i) {
          queue.retire(i, [&] { ++ran; });
          queue.collect(i / 2);
        }
      });
  }
  queue.drain();
  EXPECT_EQ(ran, 800);
}

}  // namespace
}  // namespace rivulet::vk
