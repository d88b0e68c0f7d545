// A device made by a host. Rivulet calls it through the host's vkGetInstanceProcAddr, uses what the host enabled, and
// neither waits for the whole of it nor destroys it.

#include <gtest/gtest.h>

#include <bit>
#include <mutex>
#include <thread>
#include <vector>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/host_device.h"
#include "support/vulkan_spy.h"
#include "vk/command_stream.h"
#include "vk/gpu_timer.h"
#include "vk/pipeline_cache.h"
#include "vk/requirements.h"

namespace rivulet::vk {
namespace {

using test::expectError;
using test::HostDevice;
using test::VulkanSpy;

class Import : public test::GpuTest {
 protected:
  void SetUp() override {
    VulkanSpy::reset();
    GpuTest::SetUp();
  }

  /// Everything the Vulkan layer does, on a device.
  static void exercise(const std::shared_ptr<Device>& device) {
    PipelineCache pipelines(device, {});
    const std::string shader = device->caps().bufferDeviceAddress ? "test/axpy.f32_bda" : "test/axpy.f32";
    EXPECT_NE(pipelines.get({shader, {64}}).handle, VkPipeline{});
    CommandStream stream(device);
    const Buffer buffer(device, BufferUse::Device, 1 << 20, "arena");
    std::vector<std::byte> sent(1 << 20), received(1 << 20);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i * 7);
    stream.upload(buffer, 0, sent);
    stream.download(buffer, 0, received);
    EXPECT_EQ(sent, received);
    GpuTimer timer(device, 2);
    const VkCommandBuffer commands = stream.begin("timed");
    timer.begin(commands);
    timer.mark(commands);
    device->fn().CmdFillBuffer(commands, buffer.handle(), 0, VK_WHOLE_SIZE, 0);
    timer.mark(commands);
    stream.wait(stream.submit());
    EXPECT_EQ(timer.read().size(), device->caps().timestamps ? 2u : 0u);
  }
};

TEST_F(Import, UsesWhatTheHostEnabled) {
  HostDevice host;
  const auto device = Device::import(host.info());
  EXPECT_FALSE(device->owned());
  EXPECT_EQ(device->handle(), host.info().device);
  for (const Capability& capability : capabilities())
    EXPECT_EQ(device->caps().*capability.member, caps().*capability.member) << capability.name;
  exercise(device);
  EXPECT_TRUE(host.messages().take().empty());
}

TEST_F(Import, OnVulkan11FeaturesComeFromExtensions) {
  test::HostOptions options;
  options.apiVersion = VK_API_VERSION_1_1;
  HostDevice host(options);
  const auto device = Device::import(host.info());
  EXPECT_EQ(device->caps().timelineSemaphore, caps().timelineSemaphore);
  EXPECT_EQ(device->caps().bufferDeviceAddress, caps().bufferDeviceAddress);
  EXPECT_EQ(device->caps().subgroupSizeControl, caps().subgroupSizeControl);
  exercise(device);
  EXPECT_TRUE(host.messages().take().empty());
}

TEST_F(Import, WithNothingEnabledEverythingFallsBack) {
  test::HostOptions options;
  options.apiVersion = VK_API_VERSION_1_1;
  options.everything = false;
  HostDevice host(options);
  const auto device = Device::import(host.info());
  const DeviceCaps& found = device->caps();
  EXPECT_FALSE(found.storage16);
  EXPECT_FALSE(found.bufferDeviceAddress);
  EXPECT_FALSE(found.subgroupSizeControl);
  EXPECT_FALSE(found.cooperativeMatrix);
  EXPECT_FALSE(found.timelineSemaphore);
  EXPECT_EQ(found.subgroupBallot, caps().subgroupBallot) << "subgroup operations are properties: nothing enables them";
  EXPECT_EQ(found.subgroupArithmetic, caps().subgroupArithmetic);
  EXPECT_EQ(device->fn().SetDebugUtilsObjectNameEXT, nullptr);
  EXPECT_EQ(device->fn().CmdBeginDebugUtilsLabelEXT, nullptr);
  exercise(device);
  EXPECT_TRUE(host.messages().take().empty());
}

TEST_F(Import, CallsGoThroughTheHostsFunctions) {
  test::HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  HostDevice host(options);
  VulkanSpy::reset();
  {
    const auto device = Device::import(host.info());
    const auto expectSpied = [](auto function, const char* name) {
      if (function) {
        EXPECT_EQ(reinterpret_cast<PFN_vkVoidFunction>(function), VulkanSpy::wrapper(name)) << name;
      }
    };
#define RVL_EXPECT_SPIED(name) expectSpied(device->instanceFn().name, "vk" #name);
    RVL_VK_INSTANCE_FUNCTIONS(RVL_EXPECT_SPIED)
    RVL_VK_OPTIONAL_INSTANCE_FUNCTIONS(RVL_EXPECT_SPIED)
#undef RVL_EXPECT_SPIED
#define RVL_EXPECT_SPIED(name) expectSpied(device->fn().name, "vk" #name);
    RVL_VK_DEVICE_FUNCTIONS(RVL_EXPECT_SPIED)
    RVL_VK_OPTIONAL_DEVICE_FUNCTIONS(RVL_EXPECT_SPIED)
#undef RVL_EXPECT_SPIED
    exercise(device);
    EXPECT_GT(VulkanSpy::calls("vkAllocateMemory"), 0u) << "the allocator goes through them as well";
    EXPECT_GT(VulkanSpy::calls("vkQueueSubmit"), 0u);
  }
  EXPECT_EQ(VulkanSpy::calls("vkAllocateMemory"), VulkanSpy::calls("vkFreeMemory"));
  EXPECT_EQ(VulkanSpy::calls("vkCreateBuffer"), VulkanSpy::calls("vkDestroyBuffer"));
  EXPECT_EQ(VulkanSpy::calls("vkDeviceWaitIdle"), 0u);
  EXPECT_EQ(VulkanSpy::calls("vkQueueWaitIdle"), 0u);
  EXPECT_EQ(VulkanSpy::calls("vkDestroyDevice"), 0u);
  EXPECT_EQ(VulkanSpy::calls("vkDestroyInstance"), 0u);
  EXPECT_EQ(VulkanSpy::calls("vkCreateInstance"), 0u);
  EXPECT_EQ(host.fn().QueueSubmit(host.queue(), 0, nullptr, VK_NULL_HANDLE), VK_SUCCESS) << "the host goes on";
}

TEST_F(Import, LocksTheHostsMutexAroundSubmissions) {
  test::HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  HostDevice host(options);
  std::mutex mutex;
  ImportDeviceInfo info = host.info();
  info.queueMutex = &mutex;
  const auto device = Device::import(info);
  CommandStream stream(device);
  stream.begin("empty");
  VulkanSpy::reset();
  std::unique_lock held(mutex);
  std::jthread submitter([&] { stream.submit(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(VulkanSpy::calls("vkQueueSubmit"), 0u);
  held.unlock();
  submitter.join();
  EXPECT_EQ(VulkanSpy::calls("vkQueueSubmit"), 1u);
}

TEST_F(Import, AFeatureThatIsOnlyClaimedIsRefused) {
  test::HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  HostDevice host(options);
  if (caps().timelineSemaphore) {
    VulkanSpy::hide("vkWaitSemaphores");
    VulkanSpy::hide("vkWaitSemaphoresKHR");
    expectError(
        ErrorCode::InvalidArgument, [&] { Device::import(host.info()); }, "timelineSemaphore", "vkWaitSemaphores",
        "vkCreateDevice");
  }
  VulkanSpy::reset();
  if (caps().bufferDeviceAddress) {
    VulkanSpy::hide("vkGetBufferDeviceAddress");
    VulkanSpy::hide("vkGetBufferDeviceAddressKHR");
    expectError(
        ErrorCode::InvalidArgument, [&] { Device::import(host.info()); }, "bufferDeviceAddress");
  }
}

TEST_F(Import, RefusesWhatCannotBe) {
  HostDevice host;
  const auto refused = [&](auto change, const char* part) {
    ImportDeviceInfo info = host.info();
    change(info);
    expectError(
        ErrorCode::InvalidArgument, [&] { Device::import(info); }, "importing a Vulkan device", part);
  };
  refused([](ImportDeviceInfo& i) { i.getInstanceProcAddr = nullptr; }, "getInstanceProcAddr is null");
  refused([](ImportDeviceInfo& i) { i.instance = VK_NULL_HANDLE; }, "instance is null");
  refused([](ImportDeviceInfo& i) { i.physicalDevice = VK_NULL_HANDLE; }, "physicalDevice is null");
  refused([](ImportDeviceInfo& i) { i.device = VK_NULL_HANDLE; }, "device is null");
  refused([](ImportDeviceInfo& i) { i.apiVersion = VK_API_VERSION_1_0; }, "apiVersion");
  refused([](ImportDeviceInfo& i) { i.queueFamily = 99; }, "queueFamily does not exist");
  refused([](ImportDeviceInfo& i) { i.queueIndex = 99; }, "queueIndex");
}

TEST_F(Import, RequirementsNameWhatTheDeviceHas) {
  const InstanceFunctions& fn = device()->instanceFn();
  const DeviceRequirements modern = deviceRequirements(fn, device()->physicalDevice(), VK_API_VERSION_1_3);
  EXPECT_TRUE(modern.requiredDeviceExtensions.empty());
  EXPECT_EQ(modern.features.storageBuffer16BitAccess, caps().storage16);
  EXPECT_EQ(modern.features.timelineSemaphore, caps().timelineSemaphore);
  const DeviceRequirements old = deviceRequirements(fn, device()->physicalDevice(), VK_API_VERSION_1_1);
  const auto names = [](const DeviceRequirements& requirements, const std::string& name) {
    for (const char* extension : requirements.optionalDeviceExtensions)
      if (extension == name) return true;
    return false;
  };
  EXPECT_EQ(names(old, "VK_KHR_timeline_semaphore"), old.features.timelineSemaphore);
  EXPECT_EQ(names(old, "VK_KHR_buffer_device_address"), old.features.bufferDeviceAddress);
  if (caps().apiVersion >= VK_API_VERSION_1_2) {
    EXPECT_FALSE(names(modern, "VK_KHR_timeline_semaphore"));
  }
  expectError(
      ErrorCode::MissingFeature, [&] { deviceRequirements(fn, device()->physicalDevice(), VK_API_VERSION_1_0); },
      "Vulkan 1.0", "1.1");
}

TEST_F(Import, TheChainHoldsWhatIsEnabled) {
  EXPECT_EQ(FeatureChain({}).head(), nullptr);
  EnabledFeatures features;
  features.timelineSemaphore = true;
  features.storageBuffer16BitAccess = true;
  const FeatureChain chain(features);
  int timeline = 0, storage = 0, all = 0;
  for (auto* s = static_cast<const VkBaseInStructure*>(chain.head()); s; s = s->pNext) {
    ++all;
    timeline += s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    storage += s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
  }
  EXPECT_EQ(all, 2);
  EXPECT_EQ(timeline, 1);
  EXPECT_EQ(storage, 1);
}

}  // namespace
}  // namespace rivulet::vk
