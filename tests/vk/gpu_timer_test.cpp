#include "vk/gpu_timer.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/gpu_fixture.h"

namespace rivulet::vk {
namespace {

class GpuTimerTest : public test::GpuVariantTest {};
RVL_INSTANTIATE_GPU_VARIANTS(GpuTimerTest);

TEST_P(GpuTimerTest, MarksAreInOrderAndNotZeroApart) {
  const Buffer buffer(device(), BufferUse::Device, 8 << 20, "filled");
  GpuTimer timer(device(), 5);
  Buffer copied(device(), BufferUse::Readback, 8 * 7, "marks");
  EXPECT_TRUE(timer.read().empty()) << "nothing has been recorded";
  for (int round = 0; round < 2; ++round) {
    const VkCommandBuffer commands = stream().begin("timed");
    timer.begin(commands);
    EXPECT_EQ(timer.used(), 0u);
    for (std::uint32_t i = 0; i < 5; ++i) {
      EXPECT_EQ(timer.mark(commands), timer.available() ? i : UINT32_MAX);
      VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                              VK_ACCESS_TRANSFER_WRITE_BIT};
      device()->fn().CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1,
                                        &barrier, 0, nullptr, 0, nullptr);
      device()->fn().CmdFillBuffer(commands, buffer.handle(), 0, VK_WHOLE_SIZE, i);
    }
    EXPECT_EQ(timer.mark(commands), UINT32_MAX) << "the pool is full";
    timer.copy(commands, copied, 16);
    stream().wait(stream().submit());
    const std::vector<double> times = timer.read();
    copied.invalidate();
    std::vector<double> again(5);
    again.resize(timer.read(copied, 16, again));
    EXPECT_EQ(again, times);
    if (!timer.available()) {
      EXPECT_TRUE(times.empty());
      continue;
    }
    ASSERT_EQ(times.size(), 5u);
    EXPECT_EQ(times[0], 0.0);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i], times[i - 1]);
    EXPECT_GT(times.back(), 1.0) << "filling 32 MiB takes longer than a microsecond";
    EXPECT_LT(times.back(), 60e6);
  }
}

TEST(Timestamps, WrapAround) {
  const std::uint64_t ticks[] = {0xabcd'00ff'ffff'fff0u, 0x1234'0000'0000'0010u, 0x0000'0000'0000'0030u};
  // 40 valid bits; the upper ones are noise.
  EXPECT_EQ(timestampsToMicroseconds(ticks, 40, 1000.0), (std::vector<double>{0, 32, 64}));
  const std::uint64_t full[] = {~std::uint64_t{0}, 1};
  EXPECT_EQ(timestampsToMicroseconds(full, 64, 500.0), (std::vector<double>{0, 1}));
  EXPECT_TRUE(timestampsToMicroseconds({}, 64, 1.0).empty());
}

}  // namespace
}  // namespace rivulet::vk
