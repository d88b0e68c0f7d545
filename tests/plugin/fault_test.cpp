// Vulkan calls of the plugin fail, one in each life of a context, with the errors they may return: the call into the
// plugin returns the matching result, what it made is destroyed, and the host goes on with a new context. Usually the
// first and the last call of each entry point fail, with the errors in turn; with RIVULET_STRESS set, every call with
// every error, which takes long.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "plugin/plugin_fixture.h"
#include "support/vulkan_spy.h"
#include "vk/loader.h"

namespace rivulet::test {
namespace {

class PluginFault : public GpuTest {
 protected:
  static RvlResult resultFor(VkResult error) {
    switch (error) {
      case VK_ERROR_OUT_OF_HOST_MEMORY:
        return RVL_ERROR_OUT_OF_HOST_MEMORY;
      case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return RVL_ERROR_OUT_OF_DEVICE_MEMORY;
      default:
        return RVL_ERROR_DEVICE_LOST;
    }
  }

  /// A context's whole life. Returns the first error anything reported, in whatever way.
  RvlResult life(HostDevice& host, RvlMode mode) {
    auto info = contextInfo(host);
    info.mode = mode;
    RvlContext context{};
    if (const RvlResult result = api().createContext(&info, &context); result < 0) return result;
    const RvlResult result = inside(host, context, mode);
    const RvlResult closed = api().destroyContext(context, UINT64_MAX, 0);
    EXPECT_EQ(closed, RVL_SUCCESS) << api().lastError();
    return result;
  }

  RvlResult inside(HostDevice& host, RvlContext context, RvlMode mode) {
    auto modelInfo = sized<RvlModelInfo>();
    modelInfo.data = bytes_.data();
    modelInfo.size = bytes_.size();
    RvlModel model{};
    if (const RvlResult result = api().loadModel(context, &modelInfo, &model); result < 0) return result;
    const auto ask = requestInfo(model, 7, 1);
    RvlRequest request{};
    if (const RvlResult result = api().request(context, &ask, &request); result < 0) return result;
    auto status = sized<RvlRequestStatus>();
    std::uint64_t completed = 0;
    for (int frame = 0; frame < 100000; ++frame) {
      if (mode == RVL_MODE_ASYNC) {
        auto tick = sized<RvlTickInfo>();
        tick.budget_us = 1e6;
        auto result = sized<RvlTickResult>();
        if (const RvlResult code = api().tick(context, &tick, &result); code < 0) return idle(host), code;
      } else {
        // The host's own calls are its own business: they do not go through what fails.
        auto record = sized<RvlRecordInfo>();
        record.command_buffer = stream_->begin("frame");
        record.budget_us = 1e6;
        record.completed = completed;
        auto result = sized<RvlRecordResult>();
        const RvlResult code = api().record(context, &record, &result);
        stream_->wait(stream_->submit());
        if (code < 0) return code;
        completed = std::max(completed, result.serial);
      }
      const RvlResult code = api().poll(context, request, &status);
      if (code < 0) return idle(host), code;
      if (status.state == RVL_STATE_FAILED) return idle(host), status.error;
      if (status.state == RVL_STATE_READY) return idle(host), RVL_SUCCESS;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    ADD_FAILURE() << "neither ready nor failed";
    return RVL_ERROR_INTERNAL;
  }
  void idle(HostDevice& host) {
    stream_->waitIdle();
    real_.QueueWaitIdle(host.queue());
  }

  void oneCall(HostDevice& host, RvlMode mode, std::uint64_t index, VkResult error) {
    VulkanSpy::reset();
    VulkanSpy::failResultCall(index, error);
    const RvlResult result = life(host, mode);
    const std::string failed = VulkanSpy::failed();
    SCOPED_TRACE("call " + std::to_string(index) + ", " + failed + ", " + std::to_string(error));
    if (failed.empty()) return;  // threads took another order, and it was not reached
    // The allocator tries another kind of memory when one has none left or cannot be mapped, and when there is no other
    // says that there is none, whatever the error was.
    const bool another = failed == "vkAllocateMemory" || failed == "vkMapMemory";
    EXPECT_TRUE(result == resultFor(error) || (another && (result >= 0 || result == RVL_ERROR_OUT_OF_DEVICE_MEMORY)))
        << api().resultText(result);
    EXPECT_THAT(VulkanSpy::unbalanced(), testing::IsEmpty());
  }

  void everyCall(RvlMode mode) {
    HostOptions options;
    options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    HostDevice host(options);
    // The host's own functions, past the spy.
    vk::ImportDeviceInfo import = host.info();
    import.getInstanceProcAddr = vk::openLoader();
    own_ = vk::Device::import(import);
    real_ = own_->fn();
    stream_ = std::make_unique<vk::CommandStream>(own_);
    bytes_ = TinyTextureUNet().bytes();

    VulkanSpy::reset();
    ASSERT_EQ(life(host, mode), RVL_SUCCESS) << api().lastError();
    const std::vector<std::string> calls = VulkanSpy::resultCallNames();
    ASSERT_GT(calls.size(), 20u);
    EXPECT_EQ(VulkanSpy::calls("vkDeviceWaitIdle"), 0u);
    EXPECT_EQ(VulkanSpy::calls("vkQueueWaitIdle"), 0u);
    constexpr VkResult kErrors[] = {VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_DEVICE_LOST};
    const bool thorough = std::getenv("RIVULET_STRESS") != nullptr;
    std::size_t turn = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const bool first =
          std::find(calls.begin(), calls.end(), calls[i]) == calls.begin() + static_cast<std::ptrdiff_t>(i);
      const bool last =
          std::find(calls.begin() + static_cast<std::ptrdiff_t>(i) + 1, calls.end(), calls[i]) == calls.end();
      if (thorough) {
        for (const VkResult error : kErrors) oneCall(host, mode, i + 1, error);
      } else if (first || last) {
        oneCall(host, mode, i + 1, kErrors[turn++ % 3]);
      }
    }
    EXPECT_TRUE(thorough || turn > 12) << turn << " calls";
    VulkanSpy::reset();
    EXPECT_EQ(life(host, mode), RVL_SUCCESS) << "the host goes on";
    stream_.reset();
    own_.reset();
    for (const std::string& message : host.messages().take()) ADD_FAILURE() << message;
  }

 private:
  std::vector<std::byte> bytes_;
  std::shared_ptr<vk::Device> own_;
  vk::DeviceFunctions real_;
  std::unique_ptr<vk::CommandStream> stream_;
};

TEST_F(PluginFault, CallsMayFailInTheHostsCommandBuffers) {
  everyCall(RVL_MODE_RECORD);
}

TEST_F(PluginFault, CallsMayFailInOwnSubmissions) {
  everyCall(RVL_MODE_ASYNC);
}

}  // namespace
}  // namespace rivulet::test
