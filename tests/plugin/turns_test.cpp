// Sizes and models that do not fit memory together take turns; nothing waits for ever, nothing takes more than its
// rank.
#include <chrono>
#include <thread>

#include "plugin/plugin_fixture.h"
#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

class PluginTurns : public PluginTest {
 protected:
  RvlRequestInfo infoOf(std::uint32_t size, std::uint64_t seed) const {
    auto info = requestInfo(model(), seed, 1);
    info.width = info.height = size;
    return info;
  }
  /// Memory in use with a network of one lane of this size.
  std::uint64_t memoryOf(std::uint32_t size) {
    open([](RvlContextInfo& info) { info.max_lanes = 1; });
    const RvlRequest request = ask(infoOf(size, 1));
    EXPECT_EQ(host().finish(request), RVL_STATE_READY);
    return statistics().memory_bytes;
  }
  /// Room for the larger network and some images, but not for both.
  void openForOne(std::uint32_t a, std::uint32_t b) {
    const std::uint64_t limit = std::max(memoryOf(a), memoryOf(b)) + (96u << 10);
    open([&](RvlContextInfo& info) {
      info.max_lanes = 1;
      info.memory_limit = limit;
    });
  }
  /// A host that always has three requests of a size under way.
  struct Stream {
    std::uint32_t size;
    std::uint64_t asked = 0, ready = 0;
    std::vector<RvlRequest> live;
  };
  void keepGoing(Stream& stream) {
    for (std::size_t i = stream.live.size(); i-- > 0;) {
      const RvlRequestState state = host().poll(stream.live[i]).state;
      ASSERT_NE(state, RVL_STATE_FAILED);
      if (state < RVL_STATE_READY) continue;
      ++stream.ready;
      ASSERT_EQ(api().releaseRequest(context(), stream.live[i]), RVL_SUCCESS);
      stream.live.erase(stream.live.begin() + static_cast<std::ptrdiff_t>(i));
    }
    while (stream.live.size() < 3) stream.live.push_back(ask(infoOf(stream.size, stream.asked++)));
  }
  void frame() {
    if (host().frame() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // compiling
  }
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  bool late() const { return std::chrono::steady_clock::now() > deadline_; }
};

TEST_F(PluginTurns, ASteadyStreamDoesNotKeepAnotherSizeOut) {
  openForOne(48, 40);
  Stream stream{48};
  while (stream.ready < 5 && !late()) keepGoing(stream), frame();
  const RvlRequest other = ask(infoOf(40, 7));
  const std::uint64_t before = stream.ready;
  while (host().poll(other).state != RVL_STATE_READY && stream.ready < before + 200 && !late())
    keepGoing(stream), frame();
  EXPECT_EQ(host().poll(other).state, RVL_STATE_READY);
  EXPECT_LE(stream.ready, before + 40) << "about a level of priority later, it is its turn";
  const std::uint64_t then = stream.ready;
  while (stream.ready < then + 5 && !late()) keepGoing(stream), frame();
  EXPECT_GE(stream.ready, then + 5) << "and the stream goes on";
}

TEST_F(PluginTurns, TwoSteadyStreamsTakeTurns) {
  openForOne(48, 40);
  Stream a{48}, b{40};
  std::uint64_t total = 0;
  while (total < 300 && !late()) {
    keepGoing(a);
    keepGoing(b);
    frame();
    total = a.ready + b.ready;
  }
  EXPECT_GE(total, 300u);
  EXPECT_GE(a.ready, 75u);
  EXPECT_GE(b.ready, 75u);
}

TEST_F(PluginTurns, WhatAcquiredImagesKeepOutHoldsUpNobodyElse) {
  // Acquired images leave room for the small network, not for the large one.
  const std::uint64_t small = memoryOf(16), large = memoryOf(64);
  const std::uint64_t limit = large + (64u << 10);
  ASSERT_LT(small, limit / 2);
  VulkanSpy::reset();
  HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  open(
      [&](RvlContextInfo& info) {
        info.max_lanes = 1;
        info.memory_limit = limit;
      },
      options);
  std::vector<RvlRequest> kept;
  const auto enough = [&] { return statistics().memory_bytes > limit - large / 2; };
  while (!enough() && !late()) {
    auto info = infoOf(16, 100 + kept.size());
    info.width = 64;
    info.height = 16;
    kept.push_back(ask(info));
    ASSERT_EQ(host().finish(kept.back()), RVL_STATE_READY);
    auto image = sized<RvlImage>();
    ASSERT_EQ(api().acquireImage(context(), kept.back(), &image), RVL_SUCCESS);
  }
  Stream stream{16};
  while (stream.ready < 5 && !late()) keepGoing(stream), frame();
  // The other model's weights would fit as well, if only they could be of use.
  auto other = infoOf(64, 7);
  other.model = host().load();
  const RvlRequest waits[] = {ask(infoOf(64, 7)), ask(other)};
  const std::uint64_t copies = VulkanSpy::calls("vkCmdCopyBuffer");
  while (stream.ready < 60 && !late()) keepGoing(stream), frame();
  for (const RvlRequest request : waits) EXPECT_EQ(host().poll(request).state, RVL_STATE_WAITING);
  EXPECT_GE(stream.ready, 60u) << "there is no use in holding these back";
  EXPECT_EQ(VulkanSpy::calls("vkCmdCopyBuffer"), copies) << "nor in packing weights";
  for (const RvlRequest request : kept) {
    ASSERT_EQ(api().unacquireImage(context(), request), RVL_SUCCESS);
    ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  }
  for (const RvlRequest request : waits) {
    while (host().poll(request).state != RVL_STATE_READY && stream.ready < 400 && !late()) keepGoing(stream), frame();
    EXPECT_EQ(host().poll(request).state, RVL_STATE_READY);
  }
}

TEST_F(PluginTurns, AnotherModelsWeightsMakeRoom) {
  const std::uint64_t one = memoryOf(48);
  open([&](RvlContextInfo& info) {
    info.max_lanes = 1;
    info.memory_limit = one + (48u << 10);
  });
  TinyTextureUNet other;
  other.widths[0] = 24;
  const RvlModel second = host().load(other);
  const RvlRequest first = ask(infoOf(48, 1));
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  const std::vector<std::byte> bytes = bytesOf(first);
  auto info = requestInfo(second, 2, 1);
  const RvlRequest next = ask(info);
  EXPECT_EQ(host().finish(next), RVL_STATE_READY);
  EXPECT_EQ(make(infoOf(48, 1)), bytes) << "with weights packed anew";
}

TEST_F(PluginTurns, WeightsOfWhatHasNoNetworkYetGiveWay) {
  // Room for the largest network, and for the two others with their weights, but not for what the weights of one are
  // copied from as well; nor for the largest network beside both weights.
  const std::uint64_t half = memoryOf(48), limit = std::max(half + memoryOf(32), memoryOf(64) + (64u << 10));
  open([&](RvlContextInfo& info) {
    info.max_lanes = 1;
    info.memory_limit = limit;
  });
  const RvlModel second = host().load();
  auto busy = infoOf(32, 1);
  busy.steps = 4;
  busy.priority = 10;
  make(busy);
  const RvlRequest running = ask(busy), next = ask(busy);
  const std::uint64_t before = statistics().memory_bytes;
  auto info = infoOf(48, 2);
  info.model = second;
  const RvlRequest begun = ask(info);
  while (statistics().memory_bytes < before + half / 2 && !late())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_GE(statistics().memory_bytes, before + half / 2) << "its weights are there";
  // Served meanwhile, so that what comes then is less than a level of priority ahead: it holds nobody back.
  while (host().poll(next).state < RVL_STATE_RUNNING && !late()) host().frame(1e-3);
  info = infoOf(64, 3);
  info.priority = 1;
  const RvlRequest ahead = ask(info);
  ASSERT_EQ(statistics().executables, 1u) << "the weights have no network";
  for (const RvlRequest request : {running, next, ahead, begun}) {
    while (host().poll(request).state != RVL_STATE_READY && !late()) frame();
    EXPECT_EQ(host().poll(request).state, RVL_STATE_READY);
  }
}

TEST_F(PluginTurns, OfEqualsWhatHasItsWeightsIsBuiltFirst) {
  const std::uint64_t one = memoryOf(48);
  HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  for (const std::size_t first : {0u, 1u, 2u}) {
    close();
    VulkanSpy::reset();
    open(
        [&](RvlContextInfo& info) {
          info.max_lanes = 1;
          info.memory_limit = one + (64u << 10);  // not for a network and what its weights are copied from
        },
        options);
    const RvlModel models[] = {model(), host().load(), host().load()};
    const std::uint64_t freed = VulkanSpy::calls("vkFreeMemory");
    std::vector<RvlRequest> requests;
    for (const std::size_t i : {first, (first + 1) % 3, (first + 2) % 3}) {
      auto info = infoOf(48, i);
      info.model = models[i];
      requests.push_back(ask(info));
      while (statistics().memory_bytes < one / 2 && !late()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_EQ(VulkanSpy::calls("vkFreeMemory"), freed) << "no weights were thrown out for others";
    for (const RvlRequest request : requests) EXPECT_EQ(host().finish(request), RVL_STATE_READY);
  }
}

TEST_F(PluginTurns, WeightsWaitForWhatIsMoreUrgent) {
  VulkanSpy::reset();
  HostOptions options;
  options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
  open([](RvlContextInfo& info) { info.max_lanes = 1; }, options);
  auto urgent = infoOf(16, 1);
  urgent.steps = 4;
  const std::vector<std::byte> bytes = make(urgent);

  TinyTextureUNet other;
  other.widths[0] = 24;
  const RvlModel second = host().load(other);
  urgent.priority = 10;
  const RvlRequest first = ask(urgent);
  host().frame(1e-3);  // one dispatch: it is under way
  const RvlRequest later = ask(requestInfo(second, 2, 1));
  while (statistics().executables < 2 && !late()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_EQ(statistics().executables, 2u) << "the other model's weights are ready to be copied";
  const std::uint64_t copies = VulkanSpy::calls("vkCmdCopyBuffer");
  while (host().poll(first).state < RVL_STATE_RECORDED && !late()) host().frame(1e-3);
  EXPECT_EQ(VulkanSpy::calls("vkCmdCopyBuffer"), copies) << "no frame was spent on the other model";
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  EXPECT_EQ(host().finish(later), RVL_STATE_READY);
  EXPECT_GT(VulkanSpy::calls("vkCmdCopyBuffer"), copies);
  EXPECT_EQ(bytesOf(first), bytes);
}

}  // namespace
}  // namespace rivulet::test
