#include "vk/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/scoped_environment.h"
#include "support/vulkan_spy.h"
#include "vk/gpu_timer.h"
#include "vk/loader.h"

namespace rivulet::vk {
namespace {

using test::expectError;
using test::ScopedEnvironment;
using test::VulkanSpy;

class DeviceTest : public test::GpuTest {
 protected:
  void SetUp() override {
    VulkanSpy::reset();
    GpuTest::SetUp();
  }
  /// Validation as the shared devices have it; messages fail the test.
  static CreateDeviceInfo createInfo(bool spied = false) {
    CreateDeviceInfo info;
    info.validation = test::validationInstalled();
    info.onMessage = test::sharedMessages().callback();
    if (spied) info.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    return info;
  }
};

class DeviceVariantTest : public test::GpuVariantTest {};
RVL_INSTANTIATE_GPU_VARIANTS(DeviceVariantTest);

TEST_F(DeviceTest, KnowsWhatItIs) {
  EXPECT_TRUE(device()->owned());
  EXPECT_FALSE(caps().name.empty());
  EXPECT_FALSE(caps().driver.empty());
  EXPECT_GE(caps().apiVersion, VK_API_VERSION_1_1);
  EXPECT_GE(caps().subgroupSize, 1u);
  EXPECT_LE(caps().minSubgroupSize, caps().subgroupSize);
  EXPECT_GE(caps().maxSubgroupSize, caps().subgroupSize);
  EXPECT_GE(caps().maxPushConstants, 128u);
  EXPECT_GE(caps().maxWorkgroupInvocations, 128u);
  EXPECT_GE(caps().maxStorageBufferRange, 1u << 27);
  EXPECT_GE(caps().maxAllocation, 1u << 30);
  EXPECT_EQ(caps().timestamps, caps().timestampPeriodNs > 0);
}

TEST_F(DeviceTest, ListsWhatCreateTakes) {
  const std::vector<DeviceListing> list = Device::list();
  ASSERT_FALSE(list.empty());
  std::size_t index = 0;
  while (index < list.size() && !list[index].usable) ++index;
  ASSERT_LT(index, list.size());

  CreateDeviceInfo info = createInfo();
  info.select = std::to_string(index);
  EXPECT_EQ(Device::create(info)->caps().name, list[index].caps.name);
  info.select = list[index].caps.name.substr(1, 5);
  for (char& c : info.select) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(Device::create(info)->caps().name, list[index].caps.name) << "part of the name, whatever its case";
}

TEST_F(DeviceTest, AnUnknownNameListsWhatThereIs) {
  CreateDeviceInfo info = createInfo();
  info.select = "no such card";
  expectError(
      ErrorCode::InvalidArgument, [&] { Device::create(info); }, "'no such card'", "there are: 0 '", caps().name);
}

TEST_F(DeviceTest, AnUnknownCapabilityListsThem) {
  CreateDeviceInfo info = createInfo();
  info.disable = {"warpSpeed"};
  expectError(
      ErrorCode::InvalidArgument, [&] { Device::create(info); }, "'warpSpeed'", "storage16", "timestamps");
}

TEST_F(DeviceTest, HonoursTheEnvironment) {
  {
    const ScopedEnvironment select("RIVULET_DEVICE", "no such card");
    expectError(
        ErrorCode::InvalidArgument, [&] { Device::create(createInfo()); }, "'no such card'");
    CreateDeviceInfo info = createInfo();
    info.select = "0";
    EXPECT_NO_THROW(Device::create(info)) << "what the program asks for comes first";
  }
  {
    const ScopedEnvironment disable("RIVULET_DISABLE", "storage16,,subgroupBallot");
    const auto device = Device::create(createInfo());
    EXPECT_FALSE(device->caps().storage16);
    EXPECT_FALSE(device->caps().subgroupBallot);
    EXPECT_EQ(device->caps().bufferDeviceAddress, caps().bufferDeviceAddress);
  }
  {
    const ScopedEnvironment disable("RIVULET_DISABLE", "storage16,typo");
    expectError(
        ErrorCode::InvalidArgument, [&] { Device::create(createInfo()); }, "'typo'");
  }
}

PFN_vkEnumerateInstanceLayerProperties noLayers = [](std::uint32_t* count, VkLayerProperties*) {
  *count = 0;
  return VK_SUCCESS;
};

TEST_F(DeviceTest, SaysThatTheValidationLayerIsMissing) {
  VulkanSpy::replace("vkEnumerateInstanceLayerProperties", reinterpret_cast<PFN_vkVoidFunction>(noLayers));
  const ScopedEnvironment validation("RIVULET_VALIDATION", "1");
  CreateDeviceInfo info = createInfo(true);
  info.validation = false;
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(info); }, "VK_LAYER_KHRONOS_validation",
      "vulkan-validationlayers");
}

TEST_F(DeviceTest, SaysThatTheLoaderIsMissing) {
  const char* const libraries[] = {"libno-such-vulkan.so.1", "libno-such-vulkan.so"};
  expectError(
      ErrorCode::MissingFeature, [&] { openLoader(libraries); }, "no Vulkan loader",
      "libno-such-vulkan.so.1, libno-such-vulkan.so", "install");
}

TEST_F(DeviceTest, SaysThatTheDriverIsMissing) {
  VulkanSpy::failFrom("vkCreateInstance", 1, VK_ERROR_INCOMPATIBLE_DRIVER);
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, "no Vulkan driver", "install");
  EXPECT_TRUE(Device::list(VulkanSpy::getInstanceProcAddr).empty());
}

TEST_F(DeviceTest, SaysThatThereIsNoDevice) {
  VulkanSpy::failFrom("vkEnumeratePhysicalDevices", 1, VK_ERROR_INITIALIZATION_FAILED);
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, "no Vulkan device", "install");
}

TEST_F(DeviceTest, ALoaderOfVulkan10IsTooOld) {
  VulkanSpy::hide("vkEnumerateInstanceVersion");
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, "Vulkan 1.0", "1.1");
}

void VKAPI_CALL vulkan10(VkPhysicalDevice device, VkPhysicalDeviceProperties* properties) {
  reinterpret_cast<PFN_vkGetPhysicalDeviceProperties>(VulkanSpy::real("vkGetPhysicalDeviceProperties"))(device,
                                                                                                        properties);
  properties->apiVersion = VK_API_VERSION_1_0;
}

TEST_F(DeviceTest, ADeviceOfVulkan10IsListedButNotUsed) {
  VulkanSpy::replace("vkGetPhysicalDeviceProperties", reinterpret_cast<PFN_vkVoidFunction>(&vulkan10));
  const std::vector<DeviceListing> list = Device::list(VulkanSpy::getInstanceProcAddr);
  ASSERT_FALSE(list.empty());
  EXPECT_FALSE(list[0].usable);
  EXPECT_EQ(list[0].reason, "Vulkan 1.0 only; 1.1 is needed");
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, "cannot be used", "Vulkan 1.0");
}

void VKAPI_CALL noCompute(VkPhysicalDevice device, std::uint32_t* count, VkQueueFamilyProperties* families) {
  reinterpret_cast<PFN_vkGetPhysicalDeviceQueueFamilyProperties>(
      VulkanSpy::real("vkGetPhysicalDeviceQueueFamilyProperties"))(device, count, families);
  for (std::uint32_t i = 0; families && i < *count; ++i)
    families[i].queueFlags &= ~static_cast<VkQueueFlags>(VK_QUEUE_COMPUTE_BIT);
}

TEST_F(DeviceTest, ADeviceWithoutComputeIsNotUsed) {
  VulkanSpy::replace("vkGetPhysicalDeviceQueueFamilyProperties", reinterpret_cast<PFN_vkVoidFunction>(&noCompute));
  expectError(
      ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, "cannot be used",
      "no queue family with compute");
}

TEST_F(DeviceTest, AMissingEntryPointIsNamedAndNothingLeaks) {
  for (const char* name : {"vkGetPhysicalDeviceFeatures2", "vkCmdDispatch", "vkDestroyBuffer"}) {
    VulkanSpy::reset();
    VulkanSpy::hide(name);
    expectError(
        ErrorCode::MissingFeature, [&] { Device::create(createInfo(true)); }, name, "Vulkan 1.1");
    EXPECT_EQ(VulkanSpy::calls("vkCreateInstance"), VulkanSpy::calls("vkDestroyInstance")) << name;
    EXPECT_EQ(VulkanSpy::calls("vkCreateDevice"), VulkanSpy::calls("vkDestroyDevice")) << name;
  }
}

TEST_F(DeviceTest, CountsValidationMessages) {
  if (!test::validationInstalled()) GTEST_SKIP() << "no validation layer here";
  const std::uint64_t before = device()->validationMessages();
  VkFenceCreateInfo info{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  info.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
  VkFence fence = VK_NULL_HANDLE;
  device()->fn().CreateFence(device()->handle(), &info, nullptr, &fence);
  if (fence) device()->fn().DestroyFence(device()->handle(), fence, nullptr);
  EXPECT_GT(device()->validationMessages(), before);
  const std::vector<std::string> messages = takeMessages();
  ASSERT_FALSE(messages.empty());
  EXPECT_THAT(messages[0], testing::HasSubstr("VUID-VkFenceCreateInfo-sType-sType"));
}

TEST_F(DeviceTest, SynchronizationIsValidated) {
  if (!test::validationInstalled()) GTEST_SKIP() << "no validation layer here";
  const Buffer a(device(), BufferUse::Device, 64, "hazard");
  const VkCommandBuffer commands = stream().begin("two writes and no barrier");
  device()->fn().CmdFillBuffer(commands, a.handle(), 0, 64, 1);
  device()->fn().CmdFillBuffer(commands, a.handle(), 0, 64, 2);
  stream().wait(stream().submit());
  const std::vector<std::string> messages = takeMessages();
  ASSERT_FALSE(messages.empty());
  EXPECT_THAT(messages[0], testing::ContainsRegex("SYNC-HAZARD-WRITE.AFTER.WRITE"));
}

TEST_P(DeviceVariantTest, WhatIsDisabledIsNotUsed) {
  const DeviceCaps& full = test::sharedGpu().device->caps();
  const std::vector<std::string>& disable = GetParam().disable;
  for (const Capability& capability : capabilities()) {
    const bool disabled = std::find(disable.begin(), disable.end(), capability.name) != disable.end();
    EXPECT_EQ(caps().*capability.member, full.*capability.member && !disabled) << capability.name;
  }
  EXPECT_EQ(caps().cooperativeMatrixShapes.empty(), !caps().cooperativeMatrix);

  const DeviceFunctions& fn = device()->fn();
  EXPECT_EQ(fn.GetBufferDeviceAddress != nullptr, caps().bufferDeviceAddress);
  EXPECT_EQ(fn.WaitSemaphores != nullptr, caps().timelineSemaphore);
  EXPECT_EQ(fn.GetSemaphoreCounterValue != nullptr, caps().timelineSemaphore);

  const Buffer buffer(device(), BufferUse::Device, 256, "address");
  EXPECT_EQ(buffer.address() != 0, caps().bufferDeviceAddress);
  EXPECT_EQ(pipelines().setLayout() == VK_NULL_HANDLE, caps().bufferDeviceAddress);
  const GpuTimer timer(device(), 2);
  EXPECT_EQ(timer.available(), caps().timestamps);
}

TEST_P(DeviceVariantTest, TwoThreadsSubmit) {
  std::array<std::uint32_t, 2> sums{};
  const auto work = [this](std::uint32_t id, std::uint32_t& sum) {
    CommandStream own(device());
    const Buffer buffer(device(), BufferUse::Device, 4096, "of a thread");
    for (std::uint32_t i = 1; i <= 50; ++i) {
      const VkCommandBuffer commands = own.begin("fill");
      device()->fn().CmdFillBuffer(commands, buffer.handle(), 0, VK_WHOLE_SIZE, id * 100 + i);
      own.wait(own.submit());
      std::uint32_t value = 0;
      own.download(buffer, 4092, std::as_writable_bytes(std::span(&value, 1)));
      sum += value - id * 100;
    }
  };
  {
    const std::jthread other([&] { work(1, sums[0]); });
    work(2, sums[1]);
  }
  EXPECT_EQ(sums[0], 50u * 51 / 2);
  EXPECT_EQ(sums[1], 50u * 51 / 2);
}

}  // namespace
}  // namespace rivulet::vk
