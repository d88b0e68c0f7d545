#include "engine/request_queue.h"

#include <gtest/gtest.h>

namespace rivulet::engine {
namespace {

TEST(RequestQueue, TheMostUrgentFirstThenInOrder) {
  Ageing ageing;
  RequestQueue<int> queue;
  queue.push(1, ageing.rankNow(0));
  queue.push(2, ageing.rankNow(5));
  queue.push(3, ageing.rankNow(0));
  queue.push(4, ageing.rankNow(-1));
  for (const int want : {2, 1, 3, 4}) EXPECT_EQ(queue.pop(), want);
  EXPECT_TRUE(queue.empty());
}

TEST(RequestQueue, NobodyWaitsForEver) {
  // A low one against a stream of urgent ones that never ends.
  Ageing ageing;
  RequestQueue<int> queue;
  queue.push(-1, ageing.rankNow(-3));
  int served = 0;
  while (served < 1000) {
    queue.push(served, ageing.rankNow(2));
    const int item = queue.pop();
    ageing.served();
    ++served;
    if (item == -1) break;
  }
  EXPECT_LE(served, 5 * Ageing::kStep + 2);
  EXPECT_GT(served, 4 * Ageing::kStep) << "but priorities count";
}

TEST(RequestQueue, WhatIsRemovedNeverComes) {
  Ageing ageing;
  RequestQueue<int> queue;
  for (int i = 0; i < 20; ++i) queue.push(i, ageing.rankNow(i % 4));
  EXPECT_TRUE(queue.remove(7));
  EXPECT_FALSE(queue.remove(7));
  int previous = 100, count = 0;
  while (!queue.empty()) {
    const int item = queue.pop();
    EXPECT_NE(item, 7);
    EXPECT_LE(item % 4, previous);
    previous = item % 4;
    ++count;
  }
  EXPECT_EQ(count, 19);
}

}  // namespace
}  // namespace rivulet::engine
