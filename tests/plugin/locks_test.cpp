// One call does not wait for what another is at: for a queue's lock, for the driver's memory, for a context's end. And
// what throws in the middle of a recording leaves no trace.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <new>
#include <thread>

#include "plugin/plugin_fixture.h"
#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

using namespace std::chrono_literals;

/// Somewhere that a thread stops until it is let go on.
class Gate {
 public:
  void close() { set(false); }
  void open() { set(true); }
  /// For the one that stops.
  void pass() {
    std::unique_lock lock(mutex_);
    if (open_) return;
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    waiting_ = false;
  }
  /// For the other: it has stopped. False after ten seconds.
  bool waitedFor() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [this] { return waiting_; });
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true, waiting_ = false;
};

Gate gate;
std::atomic<int> dispatchesBeforeThrow = -1;  // below zero: none throws

VKAPI_ATTR VkResult VKAPI_CALL createImageAtGate(VkDevice device, const VkImageCreateInfo* info,
                                                 const VkAllocationCallbacks* callbacks, VkImage* image) {
  gate.pass();
  return reinterpret_cast<PFN_vkCreateImage>(VulkanSpy::real("vkCreateImage"))(device, info, callbacks, image);
}

VKAPI_ATTR void VKAPI_CALL dispatchOrThrow(VkCommandBuffer commands, std::uint32_t x, std::uint32_t y,
                                           std::uint32_t z) {
  if (dispatchesBeforeThrow >= 0 && dispatchesBeforeThrow-- == 0) throw std::bad_alloc();
  reinterpret_cast<PFN_vkCmdDispatch>(VulkanSpy::real("vkCmdDispatch"))(commands, x, y, z);
}

class PluginLocks : public PluginTest {
 protected:
  void TearDown() override {
    gate.open();
    dispatchesBeforeThrow = -1;
    PluginTest::TearDown();
    VulkanSpy::reset();
  }
  template <class Function>
  void openWith(const char* name, Function function, RvlMode mode = RVL_MODE_RECORD) {
    close();
    VulkanSpy::reset();
    VulkanSpy::replace(name, reinterpret_cast<PFN_vkVoidFunction>(function));
    HostOptions options;
    options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    open([&](RvlContextInfo& info) { info.mode = mode; }, options);
  }
  /// Whether a call on a thread of its own returns within two seconds, which is long.
  template <class Call>
  static bool returns(Call&& call, std::future<void>& pending) {
    pending = std::async(std::launch::async, std::forward<Call>(call));
    return pending.wait_for(2s) == std::future_status::ready;
  }
};

TEST_F(PluginLocks, FramesGoOnWhileAnImageIsMade) {
  openWith("vkCreateImage", &createImageAtGate);
  make(1);  // compiled
  const RvlRequest running = ask(2);
  gate.close();
  RvlRequest slow{};
  std::future<void> making = std::async(std::launch::async, [&] { slow = ask(3); });
  ASSERT_TRUE(gate.waitedFor());
  // Of the frame nothing but the plugin's part may wait.
  auto info = sized<RvlRecordInfo>();
  info.command_buffer = host().stream().begin("a frame");
  info.budget_us = 1;
  auto result = sized<RvlRecordResult>();
  std::future<void> recording;
  EXPECT_TRUE(returns([&] { EXPECT_EQ(api().record(context(), &info, &result), RVL_SUCCESS); }, recording));
  std::future<void> polling;
  EXPECT_TRUE(returns([&] { host().poll(running); }, polling));
  gate.open();
  recording.wait();
  making.wait();
  vk::SubmitSync sync;
  sync.signal = result.serial != 0 ? result.semaphore : VK_NULL_HANDLE;
  sync.signalValue = result.serial;
  host().stream().wait(host().stream().submit(sync));
  EXPECT_EQ(host().finish(running), RVL_STATE_READY);
  EXPECT_EQ(host().finish(slow), RVL_STATE_READY);
}

TEST_F(PluginLocks, AnImageMadeAgainMayBeCancelledMeanwhile) {
  VulkanSpy::reset();
  VulkanSpy::replace("vkCreateImage", reinterpret_cast<PFN_vkVoidFunction>(&createImageAtGate));
  HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  open([](RvlContextInfo& info) { info.texture_limit = 4 * 16 * 16; }, options);
  const RvlRequest first = ask(1);
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  const RvlRequest second = ask(2);
  ASSERT_EQ(host().finish(second), RVL_STATE_READY);
  ASSERT_EQ(host().poll(first).state, RVL_STATE_EVICTED);
  gate.close();
  std::future<void> acquiring = std::async(std::launch::async, [&] {
    auto image = sized<RvlImage>();
    EXPECT_EQ(api().acquireImage(context(), first, &image), RVL_NOT_READY) << api().lastError();
  });
  ASSERT_TRUE(gate.waitedFor());
  EXPECT_EQ(host().poll(first).state, RVL_STATE_WAITING);
  auto image = sized<RvlImage>();
  EXPECT_EQ(api().acquireImage(context(), first, &image), RVL_NOT_READY) << "a second call finds it under way";
  ASSERT_EQ(api().releaseRequest(context(), first), RVL_SUCCESS);
  gate.open();
  acquiring.wait();
  host().frame();
  EXPECT_EQ(statistics().texture_bytes, 0u);
  EXPECT_EQ(statistics().waiting, 0u);
}

TEST_F(PluginLocks, TheQueuesLockMayBeHeldDuringOtherCalls) {
  struct Host {
    std::mutex queue;
    std::atomic<bool> wanted = false;
  } lock;
  open([&](RvlContextInfo& info) {
    info.mode = RVL_MODE_ASYNC;
    info.lock_user = &lock;
    info.lock_queue = [](void* user) {
      static_cast<Host*>(user)->wanted = true;
      static_cast<Host*>(user)->queue.lock();
    };
    info.unlock_queue = [](void* user) { static_cast<Host*>(user)->queue.unlock(); };
  });
  make(1);  // compiled
  const RvlRequest request = ask(2);
  std::unique_lock held(lock.queue);
  lock.wanted = false;
  std::future<void> ticking = std::async(std::launch::async, [&] { host().frame(); });
  while (!lock.wanted) std::this_thread::yield();
  std::future<void> calling;
  const auto call = [&] {
    host().poll(request);
    const RvlRequest another = ask(3);
    EXPECT_EQ(api().cancel(context(), another), RVL_SUCCESS);
  };
  EXPECT_TRUE(returns(call, calling)) << "tick() waits for the queue, nobody waits for tick()";
  held.unlock();
  ticking.wait();
  calling.wait();
  EXPECT_EQ(host().finish(request), RVL_STATE_READY);
}

TEST_F(PluginLocks, ClosingHoldsUpNobody) {
  open();
  make(1);
  const RvlRequest request = ask(2);
  auto info = sized<RvlRecordInfo>();
  info.command_buffer = host().stream().begin("a frame");
  info.budget_us = 1;
  auto result = sized<RvlRecordResult>();
  ASSERT_EQ(api().record(context(), &info, &result), RVL_SUCCESS);
  ASSERT_NE(result.serial, 0u);
  std::future<RvlResult> closing =
      std::async(std::launch::async, [&] { return api().destroyContext(context(), 0, 1'000'000'000); });
  auto status = sized<RvlRequestStatus>();
  RvlResult polled = RVL_SUCCESS;
  auto longest = 0ns;
  while (polled == RVL_SUCCESS && closing.wait_for(0s) != std::future_status::ready) {
    const auto began = std::chrono::steady_clock::now();
    polled = api().poll(context(), request, &status);
    longest = std::max(longest, std::chrono::steady_clock::now() - began);
  }
  EXPECT_EQ(polled, RVL_ERROR_INVALID_STATE);
  EXPECT_NE(std::strstr(api().lastError(), "being destroyed"), nullptr) << api().lastError();
  EXPECT_LT(longest, 500ms);
  EXPECT_EQ(api().destroyContext(context(), 0, 0), RVL_ERROR_INVALID_STATE) << "one at a time";
  EXPECT_EQ(closing.get(), RVL_ERROR_BUSY);
  EXPECT_EQ(api().poll(context(), request, &status), RVL_SUCCESS) << "it is still there";
  vk::SubmitSync sync;
  sync.signal = result.semaphore;
  sync.signalValue = result.serial;
  host().stream().wait(host().stream().submit(sync));
  EXPECT_EQ(host().finish(request), RVL_STATE_READY);
}

TEST_F(PluginLocks, WhatThrowsWithinARecordingLeavesNoTrace) {
  for (const RvlMode mode : {RVL_MODE_RECORD, RVL_MODE_ASYNC}) {
    openWith("vkCmdDispatch", &dispatchOrThrow, mode);
    const std::vector<std::byte> want = make(7, 3);
    for (int at = 0; at < 40; at += 7) {
      const RvlRequest request = ask(7, 3);
      host().frame(1);  // under way
      dispatchesBeforeThrow = at;
      RvlResult result = RVL_SUCCESS;
      std::uint64_t serial = 0;
      if (mode == RVL_MODE_RECORD) {
        auto info = sized<RvlRecordInfo>();
        info.command_buffer = host().stream().begin("a frame");
        info.budget_us = 1e6;
        auto recorded = sized<RvlRecordResult>();
        result = api().record(context(), &info, &recorded);
        serial = recorded.serial;
        host().stream().abandon();
      } else {
        auto info = sized<RvlTickInfo>();
        info.budget_us = 1e6;
        auto ticked = sized<RvlTickResult>();
        result = api().tick(context(), &info, &ticked);
        serial = ticked.serial;
      }
      dispatchesBeforeThrow = -1;
      EXPECT_EQ(result, RVL_ERROR_OUT_OF_HOST_MEMORY) << at;
      EXPECT_EQ(serial, 0u);
      ASSERT_EQ(host().finish(request), RVL_STATE_READY);
      EXPECT_EQ(bytesOf(request), want) << at;
      ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
    }
  }
}

}  // namespace
}  // namespace rivulet::test
