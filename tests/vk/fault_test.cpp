// Every Vulkan call may fail. One run per call: that call returns an error without reaching the driver; Rivulet throws
// the error that stands for it (or does without what failed) and leaves nothing behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "support/gpu_fixture.h"
#include "support/vulkan_spy.h"
#include "vk/command_stream.h"
#include "vk/gpu_timer.h"
#include "vk/pipeline_cache.h"

namespace rivulet::vk {
namespace {

using test::VulkanSpy;

class Fault : public test::GpuVariantTest {
 protected:
  /// From the instance to a finished submission.
  void everything() const {
    CreateDeviceInfo info;
    info.validation = test::validationInstalled();
    info.onMessage = test::sharedMessages().callback();
    info.disable = GetParam().disable;
    info.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    const auto own = Device::create(info);
    PipelineCache cache(own, {});
    cache.get({own->caps().bufferDeviceAddress ? "test/axpy.f32_bda" : "test/axpy.f32", {64}});
    CommandStream commandStream(own);
    std::vector<std::byte> bytes(4096);
    const Buffer buffer(own, BufferUse::Device, bytes.size(), "arena");
    commandStream.upload(buffer, 0, bytes);
    commandStream.download(buffer, 0, bytes);
    GpuTimer timer(own, 2);
    const VkCommandBuffer commands = commandStream.begin("timed");
    timer.begin(commands);
    timer.mark(commands);
    commandStream.wait(commandStream.submit());
  }
};

INSTANTIATE_TEST_SUITE_P(Gpu, Fault, testing::Values(test::gpuVariants().front(), test::gpuVariants().back()),
                         test::variantName);

TEST_P(Fault, EveryCallMayFail) {
  VulkanSpy::reset();
  everything();
  const std::uint64_t calls = VulkanSpy::resultCalls();
  ASSERT_GT(calls, 15u);
  for (std::uint64_t i = 1; i <= calls; ++i) {
    VulkanSpy::reset();
    VulkanSpy::failResultCall(i, VK_ERROR_OUT_OF_HOST_MEMORY);
    // The allocator tries another kind of memory when one has none left or cannot be mapped, and when there is no other
    // says that the device has none, whatever the error was.
    const auto another = [] {
      return VulkanSpy::failed() == "vkAllocateMemory" || VulkanSpy::failed() == "vkMapMemory";
    };
    bool threw = false;
    try {
      everything();
    } catch (const Error& error) {
      threw = true;
      EXPECT_TRUE(error.code() == ErrorCode::OutOfHostMemory ||
                  (another() && error.code() == ErrorCode::OutOfDeviceMemory))
          << VulkanSpy::failed() << ": " << error.what();
    }
    const std::string failed = VulkanSpy::failed();
    SCOPED_TRACE("call " + std::to_string(i) + ", " + failed);
    EXPECT_FALSE(failed.empty());
    EXPECT_TRUE(threw || another());
    EXPECT_THAT(VulkanSpy::unbalanced(), testing::IsEmpty());
    const std::vector<std::string> messages = takeMessages();
    EXPECT_TRUE(messages.empty()) << messages.front();
  }
}

}  // namespace
}  // namespace rivulet::vk
