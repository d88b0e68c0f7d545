// What hosts do with frames: several in flight, recordings that are dropped or forgotten, contexts destroyed too early,
// budgets of nothing; and requests that stop in the middle.
#include <chrono>
#include <cstring>
#include <thread>

#include "plugin/plugin_host.h"
#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

/// The device's queue families, without time stamps.
VKAPI_ATTR void VKAPI_CALL familiesWithoutTimestamps(VkPhysicalDevice device, std::uint32_t* count,
                                                     VkQueueFamilyProperties* families) {
  const auto real = reinterpret_cast<PFN_vkGetPhysicalDeviceQueueFamilyProperties>(
      VulkanSpy::real("vkGetPhysicalDeviceQueueFamilyProperties"));
  real(device, count, families);
  for (std::uint32_t i = 0; families != nullptr && i < *count; ++i) families[i].timestampValidBits = 0;
}

class PluginFrames : public GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    host_.createContext();
    model_ = host_.load();
    reference_ = make(3);
  }
  RvlContext context() const { return host_.context(); }
  RvlRequest ask(std::uint64_t seed, std::uint32_t steps = 2) {
    const auto info = requestInfo(model_, seed, steps);
    RvlRequest request{};
    EXPECT_EQ(api().request(context(), &info, &request), RVL_SUCCESS) << api().lastError();
    return request;
  }
  std::vector<std::byte> bytesOf(RvlRequest request) {
    auto image = sized<RvlImage>();
    EXPECT_EQ(api().acquireImage(context(), request, &image), RVL_SUCCESS) << api().lastError();
    auto bytes = host_.read(image.image, image.layout, 0, image.width, image.height, 4ull * image.width * image.height);
    EXPECT_EQ(api().unacquireImage(context(), request), RVL_SUCCESS);
    return bytes;
  }
  std::vector<std::byte> make(std::uint64_t seed) {
    const RvlRequest request = ask(seed);
    EXPECT_EQ(host_.finish(request), RVL_STATE_READY);
    auto bytes = bytesOf(request);
    EXPECT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
    return bytes;
  }
  /// Records without submitting; the command buffer is begun and left open.
  RvlRecordResult recordOnly(double budget) {
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host_.stream().begin("a frame");
    info.budget_us = budget;
    auto result = sized<RvlRecordResult>();
    EXPECT_EQ(api().record(context(), &info, &result), RVL_SUCCESS) << api().lastError();
    return result;
  }
  void submit(const RvlRecordResult& result) {
    vk::SubmitSync sync;
    sync.signal = result.serial != 0 ? result.semaphore : VK_NULL_HANDLE;
    sync.signalValue = result.serial;
    host_.stream().submit(sync);
  }
  /// Until the plugin's semaphore says so. The stream's own is signalled in the same submission, but in no order with
  /// it: who waits for the stream alone may look at the plugin's an instant too early.
  void waitFor(const RvlRecordResult& result) {
    VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
    info.semaphoreCount = 1;
    info.pSemaphores = &result.semaphore;
    info.pValues = &result.serial;
    vk::check(host_.own()->fn().WaitSemaphores(host_.own()->handle(), &info, UINT64_MAX), "vkWaitSemaphores");
  }
  RvlStatistics statistics() {
    auto statistics = sized<RvlStatistics>();
    EXPECT_EQ(api().getStatistics(context(), &statistics), RVL_SUCCESS);
    return statistics;
  }
  /// Memory in use, once what has been released is destroyed, which another thread does.
  std::uint64_t settledMemory() {
    std::uint64_t memory = UINT64_MAX;
    for (int same = 0; same < 20;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const std::uint64_t now = statistics().memory_bytes;
      same = now == memory ? same + 1 : 0;
      memory = now;
    }
    return memory;
  }

  PluginHost host_;
  RvlModel model_{};
  std::vector<std::byte> reference_;  // of seed 3
};

TEST_F(PluginFrames, ThreeInFlight) {
  const RvlRequest request = ask(3);
  for (int i = 0; i < 300 && host_.poll(request).state != RVL_STATE_READY; ++i) {
    submit(recordOnly(200));
    if (i >= 3) host_.stream().wait(static_cast<std::uint64_t>(host_.stream().completed()));
  }
  host_.stream().waitIdle();
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
}

TEST_F(PluginFrames, ADiscardedRecordingIsDoneAgain) {
  const RvlRequest request = ask(3);
  submit(recordOnly(1));  // a part of it runs
  const RvlRecordResult dropped = recordOnly(1e6);
  ASSERT_NE(dropped.serial, 0u);
  host_.stream().abandon();
  EXPECT_EQ(host_.poll(request).state, RVL_STATE_RECORDED);
  ASSERT_EQ(api().discard(context(), dropped.serial), RVL_SUCCESS) << api().lastError();
  EXPECT_EQ(host_.poll(request).state, RVL_STATE_WAITING);
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
  EXPECT_EQ(statistics().restarts, 1u);
}

TEST_F(PluginFrames, ARecordingIsDiscardedOnce) {
  const RvlRequest request = ask(3);
  ASSERT_NE(recordOnly(1).serial, 0u);  // unfinished, as far as anybody knows
  host_.stream().abandon();
  const RvlRecordResult dropped = recordOnly(1);
  host_.stream().abandon();
  const RvlRecordResult also = recordOnly(1);
  host_.stream().abandon();
  ASSERT_EQ(api().discard(context(), dropped.serial), RVL_SUCCESS) << api().lastError();
  const RvlRecordResult after = recordOnly(1);
  ASSERT_EQ(after.serial, also.serial + 1) << "no serial is given twice";
  for (const std::uint64_t serial : {dropped.serial, also.serial}) {
    EXPECT_EQ(api().discard(context(), serial), RVL_ERROR_INVALID_ARGUMENT) << "or a later recording would go with it";
    EXPECT_NE(std::strstr(api().lastError(), std::to_string(after.serial).c_str()), nullptr) << api().lastError();
  }
  submit(after);
  host_.stream().waitIdle();
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
}

TEST_F(PluginFrames, AForgottenRecordingIsNoticed) {
  const RvlRequest request = ask(3);
  ASSERT_NE(recordOnly(1).serial, 0u);
  host_.stream().abandon();  // never submitted, and nobody says so
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
  EXPECT_EQ(statistics().restarts, 1u);
}

TEST_F(PluginFrames, AForgottenEndIsNoticed) {
  // The recording with the image itself is lost; a later one of another request finishes.
  const RvlRequest request = ask(3);
  while (host_.poll(request).state != RVL_STATE_RECORDED) {
    ASSERT_NE(recordOnly(1e6).serial, 0u);
    host_.stream().abandon();
  }
  const RvlRequest other = ask(4);
  ASSERT_EQ(host_.finish(other), RVL_STATE_READY);
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
}

TEST_F(PluginFrames, AForgottenEndIsNoticedWithNothingElseToDo) {
  const RvlRequest request = ask(3);
  while (host_.poll(request).state != RVL_STATE_RECORDED) {
    ASSERT_NE(recordOnly(1e6).serial, 0u);
    host_.stream().abandon();
  }
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
  EXPECT_EQ(statistics().restarts, 1u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(recordOnly(1e6).serial, 0u) << "all is known";
    host_.stream().abandon();
  }
}

TEST_F(PluginFrames, AnyNumberOfForgottenRecordingsIsNoticed) {
  // As many as may be in flight, and then the marks that were to tell what became of them.
  const RvlRequest request = ask(3, 16);
  std::uint64_t latest = 0;
  int marks = 0;
  for (int i = 0; i < 40; ++i) {
    const RvlRecordResult result = recordOnly(1);
    host_.stream().abandon();
    EXPECT_TRUE(result.more);
    if (result.serial == 0) continue;
    if (i > 0) {
      EXPECT_EQ(result.serial, latest + 1) << "no serial is given twice";
    }
    latest = result.serial;
    EXPECT_EQ(result.dispatches == 0, i >= 4);
    marks += i >= 4;
  }
  EXPECT_GT(marks, 2);
  EXPECT_LT(marks, 10) << "now and then is enough";
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(statistics().restarts, 1u);
}

TEST_F(PluginFrames, AMarkCanBeDiscarded) {
  // Also one that a later mark has taken the place of; what is behind it goes on.
  const RvlRequest request = ask(3, 16);
  std::vector<std::uint64_t> marks;
  for (int i = 0; i < 40 && marks.size() < 3; ++i) {
    const RvlRecordResult result = recordOnly(1);
    host_.stream().abandon();
    if (i >= 4 && result.serial != 0) marks.push_back(result.serial);
  }
  ASSERT_EQ(marks.size(), 3u);
  EXPECT_EQ(api().discard(context(), marks.front()), RVL_SUCCESS) << api().lastError();
  EXPECT_EQ(api().discard(context(), marks.back()), RVL_ERROR_INVALID_ARGUMENT) << "it went with the first";
  EXPECT_EQ(statistics().restarts, 0u);
  ASSERT_EQ(host_.finish(request), RVL_STATE_READY);
  EXPECT_EQ(statistics().restarts, 1u);
}

TEST_F(PluginFrames, AMarkThatIsForgottenCostsNothing) {
  // The work runs, but its end is not signalled until much later. Of a mark recorded meanwhile nothing depends.
  const RvlRequest request = ask(3);
  while (host_.poll(request).state != RVL_STATE_RECORDED) {
    ASSERT_NE(recordOnly(1e6).serial, 0u);
    submit({});
  }
  RvlRecordResult mark{};
  for (int marks = 0; marks < 2;) {
    mark = recordOnly(1e6);
    marks += mark.serial != 0;
    if (marks < 2) host_.stream().abandon();
  }
  submit(mark);
  waitFor(mark);
  EXPECT_EQ(host_.poll(request).state, RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
  EXPECT_EQ(statistics().restarts, 0u);
}

TEST_F(PluginFrames, WithEverythingInFlightNothingIsRecorded) {
  const RvlRequest request = ask(3, 16);
  std::vector<RvlRecordResult> results;
  for (int i = 0; i < 4; ++i) {
    results.push_back(recordOnly(1));
    ASSERT_NE(results.back().serial, 0u);
    host_.stream().abandon();
  }
  const RvlRecordResult none = recordOnly(1);
  host_.stream().abandon();
  EXPECT_EQ(none.serial, 0u);
  EXPECT_TRUE(none.more);
  ASSERT_EQ(api().discard(context(), results.front().serial), RVL_SUCCESS);
  EXPECT_EQ(host_.finish(request), RVL_STATE_READY);
}

TEST_F(PluginFrames, NoBudgetNoWork) {
  ask(3);
  const RvlRecordResult result = recordOnly(0);
  host_.stream().abandon();
  EXPECT_EQ(result.serial, 0u);
  EXPECT_TRUE(result.more);
}

TEST_F(PluginFrames, NoWorkNoRecording) {
  const RvlRecordResult result = recordOnly(1e6);
  host_.stream().abandon();
  EXPECT_EQ(result.serial, 0u);
  EXPECT_FALSE(result.more);
}

TEST_F(PluginFrames, WithoutTheSemaphoreTheHostSaysWhatFinished) {
  const RvlRequest request = ask(3);
  std::uint64_t completed = 0;
  for (int i = 0; i < 100 && host_.poll(request).state != RVL_STATE_READY; ++i) {
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host_.stream().begin("a frame");
    info.budget_us = 1e6;
    info.completed = completed;
    auto result = sized<RvlRecordResult>();
    ASSERT_EQ(api().record(context(), &info, &result), RVL_SUCCESS) << api().lastError();
    host_.stream().wait(host_.stream().submit());
    if (result.serial != 0) completed = result.serial;
  }
  EXPECT_EQ(host_.poll(request).state, RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request), reference_);
}

TEST_F(PluginFrames, AContextWithWorkInFlightIsNotDestroyed) {
  ask(3);
  const RvlRecordResult result = recordOnly(1);
  ASSERT_NE(result.serial, 0u);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(api().destroyContext(context(), 0, 20'000'000), RVL_ERROR_BUSY) << api().lastError();
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(20));
  submit(result);
  EXPECT_EQ(api().destroyContext(context(), 0, 10'000'000'000), RVL_SUCCESS) << api().lastError();
  host_.forgetContext();
}

TEST_F(PluginFrames, CancelledAtAnyDispatch) {
  const std::uint64_t memory = settledMemory();
  for (int frames = 0; frames < 40; frames += 3) {
    const RvlRequest request = ask(5, 2);
    for (int i = 0; i < frames; ++i) host_.frame(150);  // some dispatches each
    ASSERT_EQ(api().cancel(context(), request), RVL_SUCCESS);
    const RvlRequestState state = host_.poll(request).state;
    EXPECT_TRUE(state == RVL_STATE_CANCELLED || state == RVL_STATE_READY);
    ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  }
  EXPECT_EQ(make(3), reference_);
  EXPECT_LE(settledMemory(), memory) << "images of cancelled requests are given back";
  EXPECT_EQ(statistics().running, 0u);
}

// The evaluation under way has nobody to go on for. What was begun in the frame's command buffer still has to finish.
TEST_F(PluginFrames, AFrameAfterTheOnlyRequestWasCancelled) {
  const RvlRequest request = ask(5, 2);
  for (int i = 0; i < 5; ++i) host_.frame(20);
  ASSERT_EQ(host_.poll(request).state, RVL_STATE_RUNNING);
  ASSERT_EQ(api().cancel(context(), request), RVL_SUCCESS);
  const RvlRecordResult result = recordOnly(1000);
  EXPECT_EQ(result.serial, 0u) << "nothing to do";
  submit(result);
  host_.stream().waitIdle();
  EXPECT_EQ(make(3), reference_);
}

TEST_F(PluginFrames, ASmallBudgetIsKept) {
  for (int i = 0; i < 6; ++i) make(static_cast<std::uint64_t>(i));  // costs are known
  const RvlRequest request = ask(3, 8);
  int frames = 0;
  while (host_.poll(request).state != RVL_STATE_READY && frames < 2000) {
    auto info = sized<RvlRecordInfo>();
    info.command_buffer = host_.stream().begin("a frame");
    info.budget_us = 300;
    auto result = sized<RvlRecordResult>();
    ASSERT_EQ(api().record(context(), &info, &result), RVL_SUCCESS);
    // One thing alone may be longer than the budget: it cannot be cut further.
    if (result.dispatches > 1) {
      EXPECT_LE(result.expected_us, 300.0 + 1e-6);
    }
    submit(result);
    host_.stream().waitIdle();
    ++frames;
  }
  EXPECT_GT(frames, 2) << "the work did not fit one frame";
  EXPECT_EQ(host_.poll(request).state, RVL_STATE_READY);
}

TEST_F(PluginFrames, WithoutTimestampsTheHostsClockDoes) {
  VulkanSpy::reset();
  VulkanSpy::replace("vkGetPhysicalDeviceQueueFamilyProperties",
                     reinterpret_cast<PFN_vkVoidFunction>(&familiesWithoutTimestamps));
  PluginHost host;
  host.createContext([](RvlContextInfo& info) { info.get_instance_proc_addr = VulkanSpy::getInstanceProcAddr; });
  const RvlModel model = host.load();
  std::vector<std::byte> bytes;
  for (int i = 0; i < 4; ++i) {
    const auto info = requestInfo(model, 3);
    RvlRequest request{};
    ASSERT_EQ(api().request(host.context(), &info, &request), RVL_SUCCESS) << api().lastError();
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    int frames = 0;
    while (host.poll(request).state != RVL_STATE_READY && std::chrono::steady_clock::now() < end)
      frames += host.frame(500) != 0;
    EXPECT_EQ(host.poll(request).state, RVL_STATE_READY);
    EXPECT_GT(frames, 2) << "the work is spread over frames";
    auto image = sized<RvlImage>();
    ASSERT_EQ(api().acquireImage(host.context(), request, &image), RVL_SUCCESS) << api().lastError();
    bytes = host.read(image.image, image.layout, 0, image.width, image.height, 4ull * image.width * image.height);
    ASSERT_EQ(api().unacquireImage(host.context(), request), RVL_SUCCESS);
    ASSERT_EQ(api().releaseRequest(host.context(), request), RVL_SUCCESS);
  }
  EXPECT_EQ(bytes, reference_);
  auto statistics = sized<RvlStatistics>();
  ASSERT_EQ(api().getStatistics(host.context(), &statistics), RVL_SUCCESS);
  EXPECT_GT(statistics.device_us, 0);
}

// The costs are the device's, the cutting is ours: a budget far below one dispatch of a large texture makes many of it,
// and the same texels.
TEST_F(PluginFrames, LongDispatchesAreCutUp) {
  const auto large = [&](double budget, std::uint64_t& dispatches) {
    auto info = requestInfo(model_, 5, 2);
    info.width = info.height = 256;
    const std::uint64_t before = statistics().dispatches;
    RvlRequest request{};
    EXPECT_EQ(api().request(context(), &info, &request), RVL_SUCCESS) << api().lastError();
    EXPECT_EQ(host_.finish(request, budget), RVL_STATE_READY);
    dispatches = statistics().dispatches - before;
    auto bytes = bytesOf(request);
    EXPECT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
    return bytes;
  };
  std::uint64_t coarse = 0, fine = 0;
  for (int i = 0; i < 3; ++i) large(1e6, coarse);  // costs are known
  const std::vector<std::byte> whole = large(1e6, coarse);
  EXPECT_EQ(large(100, fine), whole);
  EXPECT_GT(fine, coarse + 20);
}

}  // namespace
}  // namespace rivulet::test
