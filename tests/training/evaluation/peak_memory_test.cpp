#include "training/evaluation/peak_memory.h"

#include <gtest/gtest.h>

namespace rivulet::training {
namespace {

TEST(PeakMemory, CountsWhatLivesAtOnce) {
  PeakMemory memory;
  EXPECT_EQ(memory.bytes(), 0);
  {
    const at::Tensor a = at::empty({256}), b = at::empty({512});
    EXPECT_EQ(memory.bytes(), 3072);
  }
  const at::Tensor kept = at::empty({64});
  EXPECT_EQ(memory.bytes(), 256);
  EXPECT_EQ(memory.peakBytes(), 3072);
  memory.restart();
  EXPECT_EQ(memory.peakBytes(), 256);
  const at::Tensor last = at::empty({1000});
  EXPECT_EQ(memory.peakBytes(), 256 + 4000);
}

TEST(PeakMemory, CountsNothingElse) {
  { const PeakMemory memory; }
  const at::Tensor other = at::empty({100});
  const PeakMemory memory;
  EXPECT_EQ(memory.peakBytes(), 0);
}

}  // namespace
}  // namespace rivulet::training
