// Submissions of the plugin's own, on a queue the host lends: semaphores, the queue's lock, ownership.
#include <atomic>
#include <chrono>
#include <thread>

#include "plugin/plugin_fixture.h"
#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

using PluginAsync = PluginTest;

/// The device's queue families, and one that nothing of this test submits to.
VKAPI_ATTR void VKAPI_CALL oneFamilyMore(VkPhysicalDevice device, std::uint32_t* count,
                                         VkQueueFamilyProperties* families) {
  const auto real = reinterpret_cast<PFN_vkGetPhysicalDeviceQueueFamilyProperties>(
      VulkanSpy::real("vkGetPhysicalDeviceQueueFamilyProperties"));
  if (families != nullptr) --*count;
  real(device, count, families);
  if (families != nullptr) families[*count] = families[0];
  ++*count;
}

TEST_F(PluginAsync, WaitsForAndSignalsTheHostsSemaphores) {
  open([](RvlContextInfo& info) { info.mode = RVL_MODE_ASYNC; });
  if (!host().device().info().enabled.timelineSemaphore) GTEST_SKIP() << "no timeline semaphores here";
  make(1);  // compiled
  const vk::DeviceFunctions& fn = host().own()->fn();
  const VkDevice device = host().own()->handle();
  VkSemaphoreTypeCreateInfo type{VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo create{VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  create.pNext = &type;
  VkSemaphore semaphore = VK_NULL_HANDLE;
  ASSERT_EQ(fn.CreateSemaphore(device, &create, nullptr, &semaphore), VK_SUCCESS);

  const RvlRequest request = ask(7, 1);
  auto info = sized<RvlTickInfo>();
  info.budget_us = 1e6;
  info.wait = {semaphore, 1};
  info.signal = {semaphore, 2};
  auto result = sized<RvlTickResult>();
  ASSERT_EQ(api().tick(context(), &info, &result), RVL_SUCCESS) << api().lastError();
  ASSERT_TRUE(result.submitted);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(host().poll(request).state, RVL_STATE_RECORDED) << "the host has not let it begin";
  EXPECT_EQ(api().destroyContext(context(), 0, 0), RVL_ERROR_BUSY);

  VkSemaphoreSignalInfo signal{VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO};
  signal.semaphore = semaphore;
  signal.value = 1;
  ASSERT_EQ(fn.SignalSemaphore(device, &signal), VK_SUCCESS);
  VkSemaphoreWaitInfo wait{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
  const std::uint64_t two = 2;
  wait.semaphoreCount = 1;
  wait.pSemaphores = &semaphore;
  wait.pValues = &two;
  EXPECT_EQ(fn.WaitSemaphores(device, &wait, 10'000'000'000), VK_SUCCESS);
  EXPECT_EQ(host().poll(request).state, RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), make(7, 1));
  fn.DestroySemaphore(device, semaphore, nullptr);
}

TEST_F(PluginAsync, TheQueuesLockIsHeldAroundEverySubmission) {
  struct Lock {
    std::atomic<int> taken = 0, given = 0;
  } lock;
  open([&](RvlContextInfo& info) {
    info.mode = RVL_MODE_ASYNC;
    info.lock_user = &lock;
    info.lock_queue = [](void* user) { ++static_cast<Lock*>(user)->taken; };
    info.unlock_queue = [](void* user) { ++static_cast<Lock*>(user)->given; };
  });
  std::uint64_t submissions = 0;
  const RvlRequest request = ask(7);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (host().poll(request).state != RVL_STATE_READY && std::chrono::steady_clock::now() < deadline) {
    submissions += host().frame(500) != 0;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  EXPECT_EQ(host().poll(request).state, RVL_STATE_READY);
  EXPECT_GT(submissions, 1u);
  EXPECT_EQ(static_cast<std::uint64_t>(lock.taken), submissions);
  EXPECT_EQ(static_cast<std::uint64_t>(lock.given), submissions);
}

TEST_F(PluginAsync, RecordIsForTheOtherMode) {
  open([](RvlContextInfo& info) { info.mode = RVL_MODE_ASYNC; });
  auto info = sized<RvlRecordInfo>();
  info.command_buffer = host().stream().begin("frame");
  auto result = sized<RvlRecordResult>();
  EXPECT_EQ(api().record(context(), &info, &result), RVL_ERROR_INVALID_STATE);
  EXPECT_EQ(api().discard(context(), 1), RVL_ERROR_INVALID_STATE);
  host().stream().abandon();
}

TEST_F(PluginAsync, PreviewsDoNotChangeHands) {
  VulkanSpy::reset();
  VulkanSpy::replace("vkGetPhysicalDeviceQueueFamilyProperties", reinterpret_cast<PFN_vkVoidFunction>(&oneFamilyMore));
  open([](RvlContextInfo& info) {
    info.get_instance_proc_addr = VulkanSpy::getInstanceProcAddr;
    info.mode = RVL_MODE_ASYNC;
    info.consumer_queue_family = info.queue_family + 1;
  });
  auto info = requestInfo(model(), 1);
  info.preview = VK_TRUE;
  RvlRequest request{};
  EXPECT_EQ(api().request(context(), &info, &request), RVL_ERROR_UNSUPPORTED) << api().lastError();
  VulkanSpy::reset();
}

TEST_F(PluginAsync, ClosingWaitsForItsOwnWork) {
  open([](RvlContextInfo& info) { info.mode = RVL_MODE_ASYNC; });
  make(1);
  ask(7);
  host().frame(1);
  EXPECT_EQ(api().destroyContext(context(), 0, 10'000'000'000), RVL_SUCCESS) << api().lastError();
  host().forgetContext();
}

}  // namespace
}  // namespace rivulet::test
