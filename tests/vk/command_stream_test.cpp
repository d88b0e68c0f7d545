#include "vk/command_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/host_device.h"
#include "support/vulkan_spy.h"

namespace rivulet::vk {
namespace {

using test::expectError;
using test::VulkanSpy;

class CommandStreamTest : public test::GpuVariantTest {
 protected:
  /// Records a fill of `buffer`, after what came before.
  static void recordFill(const Device& device, VkCommandBuffer commands, const Buffer& buffer, std::uint32_t value) {
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                            VK_ACCESS_TRANSFER_WRITE_BIT};
    device.fn().CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1,
                                   &barrier, 0, nullptr, 0, nullptr);
    device.fn().CmdFillBuffer(commands, buffer.handle(), 0, VK_WHOLE_SIZE, value);
  }
  std::uint32_t first(const Buffer& buffer) const { return readBuffer<std::uint32_t>(buffer, 1)[0]; }
};
RVL_INSTANTIATE_GPU_VARIANTS(CommandStreamTest);

TEST_P(CommandStreamTest, SerialsCountSubmissions) {
  CommandStream own(device());
  EXPECT_EQ(own.completed(), 0u);
  own.waitIdle();
  const Buffer buffer(device(), BufferUse::Device, 1 << 20, "filled");
  for (std::uint32_t serial = 1; serial <= 20; ++serial) {
    recordFill(*device(), own.begin("fill"), buffer, serial);
    EXPECT_EQ(own.submit(), serial);
    EXPECT_LE(own.completed(), serial);
  }
  own.wait(5);
  EXPECT_GE(own.completed(), 5u);
  own.wait(3);
  own.waitIdle();
  EXPECT_EQ(own.completed(), 20u);
  EXPECT_EQ(first(buffer), 20u);
}

TEST_P(CommandStreamTest, RetiresWhenTheSerialHasFinished) {
  CommandStream own(device());
  std::string order;
  for (int i = 0; i < 3; ++i) {
    own.begin("empty");
    own.retire().retire(own.submit(), [&order, i] { order += std::to_string(i); });
  }
  own.wait(1);
  EXPECT_EQ(order.substr(0, 1), "0");
  own.waitIdle();
  EXPECT_EQ(order, "012");
  EXPECT_EQ(own.retire().pending(), 0u);
}

TEST_P(CommandStreamTest, DestructionWaitsAndRetires) {
  const Buffer buffer(device(), BufferUse::Device, 4 << 20, "filled");
  bool retired = false;
  {
    CommandStream own(device());
    recordFill(*device(), own.begin("fill"), buffer, 77);
    own.retire().retire(own.submit(), [&] { retired = true; });
    own.begin("never submitted");
  }
  EXPECT_TRUE(retired);
  EXPECT_EQ(first(buffer), 77u);
}

TEST_P(CommandStreamTest, AbandonDropsTheRecording) {
  const Buffer buffer(device(), BufferUse::Device, 64, "filled");
  CommandStream own(device());
  recordFill(*device(), own.begin("kept"), buffer, 1);
  own.wait(own.submit());
  recordFill(*device(), own.begin("dropped"), buffer, 2);
  own.abandon();
  own.abandon();
  own.waitIdle();
  EXPECT_EQ(first(buffer), 1u);
  own.begin("next");
  EXPECT_EQ(own.submit(), 2u) << "an abandoned recording uses no serial";
}

TEST_P(CommandStreamTest, MisuseIsAnError) {
  CommandStream own(device());
  expectError(
      ErrorCode::Internal, [&] { own.submit(); }, "nothing is being recorded");
  expectError(
      ErrorCode::Internal, [&] { own.wait(1); }, "wait(1)", "only 0");
  own.begin("first");
  expectError(
      ErrorCode::Internal, [&] { own.begin("second"); }, "second", "another one");
}

/// The stream on a host's device, with and without timeline semaphores, through the spy.
class CommandStreamFailure : public test::GpuTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    VulkanSpy::reset();
    test::HostOptions options;
    options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    options.everything = GetParam();
    host_ = std::make_unique<test::HostDevice>(options);
    imported_ = Device::import(host_->info());
  }
  void TearDown() override {
    imported_.reset();
    host_.reset();
    GpuTest::TearDown();
  }
  std::unique_ptr<test::HostDevice> host_;
  std::shared_ptr<Device> imported_;
};
INSTANTIATE_TEST_SUITE_P(Gpu, CommandStreamFailure, testing::Bool(), [](const testing::TestParamInfo<bool>& timeline) {
  return timeline.param ? "Timeline" : "Fences";
});

TEST_P(CommandStreamFailure, ALostDeviceIsReportedAndEverythingReleased) {
  bool retired = false;
  {
    CommandStream stream(imported_);
    stream.begin("first");
    stream.retire().retire(stream.submit(), [&] { retired = true; });
    stream.waitIdle();
    VulkanSpy::failFrom("vkQueueSubmit", 1, VK_ERROR_DEVICE_LOST);
    stream.begin("second");
    expectError(
        ErrorCode::DeviceLost, [&] { stream.submit(); }, "vkQueueSubmit", "VK_ERROR_DEVICE_LOST",
        "destroyed and created again");
  }
  EXPECT_TRUE(retired);
  EXPECT_EQ(VulkanSpy::calls("vkCreateFence"), VulkanSpy::calls("vkDestroyFence"));
  EXPECT_EQ(VulkanSpy::calls("vkCreateSemaphore"), VulkanSpy::calls("vkDestroySemaphore"));
  EXPECT_EQ(VulkanSpy::calls("vkCreateCommandPool"), VulkanSpy::calls("vkDestroyCommandPool"));
}

TEST_P(CommandStreamFailure, ALostDeviceIsReportedWhileWaiting) {
  const bool timeline = imported_->caps().timelineSemaphore;
  CommandStream stream(imported_);
  stream.begin("first");
  const std::uint64_t serial = stream.submit();
  VulkanSpy::failFrom(timeline ? "vkWaitSemaphores" : "vkWaitForFences", 1, VK_ERROR_DEVICE_LOST);
  expectError(
      ErrorCode::DeviceLost, [&] { stream.wait(serial); }, timeline ? "vkWaitSemaphores" : "vkWaitForFences");
  VulkanSpy::reset();
  stream.waitIdle();
}

TEST_P(CommandStreamFailure, AfterAFailedSubmissionTheStreamGoesOn) {
  CommandStream stream(imported_);
  VulkanSpy::failFrom("vkQueueSubmit", 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  stream.begin("fails");
  expectError(
      ErrorCode::OutOfDeviceMemory, [&] { stream.submit(); }, "vkQueueSubmit");
  VulkanSpy::reset();
  stream.begin("works");
  EXPECT_EQ(stream.submit(), 1u) << "the failed one used no serial";
  stream.wait(1);
}

TEST_P(CommandStreamFailure, CommandBuffersAreUsedAgain) {
  CommandStream stream(imported_);
  for (int i = 0; i < 10; ++i) {
    stream.begin("one after the other");
    stream.wait(stream.submit());
  }
  EXPECT_EQ(VulkanSpy::calls("vkAllocateCommandBuffers"), 1u);
  EXPECT_EQ(VulkanSpy::calls("vkCreateFence"), imported_->caps().timelineSemaphore ? 0u : 1u);
}

}  // namespace
}  // namespace rivulet::vk
