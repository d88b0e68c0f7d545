// The limits are limits: of what is allocated, at any moment, whatever is asked for; and nothing goes for the sake of
// what does not fit anyway.
#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "plugin/plugin_fixture.h"
#include "support/memory_meter.h"
#include "support/vulkan_spy.h"

namespace rivulet::test {
namespace {

class PluginMemory : public PluginTest {
 protected:
  /// A context whose allocations are counted.
  template <class Change>
  void openMetered(Change&& change) {
    close();
    meter_.reset();
    VulkanSpy::reset();
    meter_.emplace();
    HostOptions options;
    options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    open(change, options);
  }
  void TearDown() override {
    PluginTest::TearDown();
    meter_.reset();
  }
  MemoryMeter& meter() { return *meter_; }
  /// What it says to be in use is what is allocated, once nothing is on its way out.
  void expectHonest() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (statistics().memory_bytes != meter().bytes() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(statistics().memory_bytes, meter().bytes());
  }
  /// What one texture of this size takes while it is made by one lane.
  std::uint64_t peakOf(std::uint32_t size) {
    openMetered([](RvlContextInfo& info) { info.max_lanes = 1; });
    auto info = requestInfo(model(), 1);
    info.width = info.height = size;
    const RvlRequest request = ask(info);
    EXPECT_EQ(host().finish(request), RVL_STATE_READY);
    return meter().peak();
  }

 private:
  std::optional<MemoryMeter> meter_;
};

TEST_F(PluginMemory, WhatIsSaidToBeInUseIsWhatIsAllocated) {
  openMetered([](RvlContextInfo&) {});
  expectHonest();
  EXPECT_GT(meter().bytes(), 0u) << "the meter counts";
  std::vector<std::uint8_t> pixels(4 * 24 * 24, 100);
  std::vector<RvlRequest> requests;
  for (const std::uint32_t size : {16u, 24u, 40u}) {
    auto info = requestInfo(model(), size);
    info.width = info.height = size;
    info.target.mip_levels = 0;
    if (size == 24) {
      info.init_pixels = {pixels.data(), 24, 24};
      info.init_strength = 0.7f;
    }
    requests.push_back(ask(info));
    expectHonest();
  }
  for (const RvlRequest request : requests) {
    ASSERT_EQ(host().finish(request), RVL_STATE_READY);
    expectHonest();
  }
  for (const RvlRequest request : requests) ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  expectHonest();
  EXPECT_EQ(statistics().texture_bytes, 0u);
}

TEST_F(PluginMemory, TheLimitHoldsAtEveryMoment) {
  const std::uint64_t limit = peakOf(48) + (100u << 10);
  openMetered([&](RvlContextInfo& info) {
    info.memory_limit = limit;
    info.texture_limit = limit / 4;
  });
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  const std::vector<std::uint8_t> pixels(4 * 48 * 48, 100);
  std::vector<RvlRequest> live;
  std::uint64_t ready = 0, refused = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (ready < 150 && std::chrono::steady_clock::now() < deadline) {
    if (live.size() < 12) {
      auto info = requestInfo(model(), below(100), 1 + below(2));
      info.width = info.height = 16 + 16 * below(3);
      info.target.mip_levels = below(2);
      info.preview = below(4) == 0;
      if (below(4) == 0) {
        info.init_pixels = {pixels.data(), info.width, info.height};
        info.init_strength = 0.6f;
      }
      RvlRequest request{};
      const RvlResult result = api().request(context(), &info, &request);
      ASSERT_TRUE(result == RVL_SUCCESS || result == RVL_ERROR_OUT_OF_DEVICE_MEMORY) << api().lastError();
      if (result == RVL_SUCCESS)
        live.push_back(request);
      else
        ++refused;
    }
    host().frame();
    ASSERT_LE(meter().peak(), limit) << ready << " textures";
    for (std::size_t i = live.size(); i-- > 0;) {
      const RvlRequestState state = host().poll(live[i]).state;
      ASSERT_NE(state, RVL_STATE_FAILED);
      ready += state == RVL_STATE_READY;
      auto image = sized<RvlImage>();
      const bool again = state == RVL_STATE_EVICTED && below(2) == 0 &&
                         api().acquireImage(context(), live[i], &image) == RVL_NOT_READY;
      if (again || state < RVL_STATE_READY || (state == RVL_STATE_READY && below(3) != 0)) continue;
      ASSERT_EQ(api().releaseRequest(context(), live[i]), RVL_SUCCESS);
      live[i] = live.back();
      live.pop_back();
    }
  }
  EXPECT_GE(ready, 150u) << refused << " requests were refused";
  EXPECT_LE(meter().peak(), limit);
  EXPECT_GT(meter().peak(), limit / 2) << "the limit was not what kept it low";
}

TEST_F(PluginMemory, SmallImagesShareAllocations) {
  openMetered([](RvlContextInfo&) {});
  make(1);  // compiled
  expectHonest();
  const std::uint64_t before = meter().allocations();
  std::vector<RvlRequest> requests;
  for (std::uint64_t i = 0; i < 64; ++i) requests.push_back(ask(i));
  EXPECT_LE(meter().allocations(), before + 8 + 2) << "and a larger network meanwhile";
  for (const RvlRequest request : requests) ASSERT_EQ(host().finish(request), RVL_STATE_READY);
  const std::vector<std::byte> first = bytesOf(requests[0]), last = bytesOf(requests[63]);
  EXPECT_NE(first, last);
  EXPECT_EQ(make(0), first);
  EXPECT_EQ(make(63), last);
  for (const RvlRequest request : requests) ASSERT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  expectHonest();
}

TEST_F(PluginMemory, ARefusedRequestEvictsNothing) {
  open();
  make(1);
  const RvlRequest probe = ask(1);
  const std::uint64_t image = statistics().texture_bytes;
  ASSERT_EQ(api().releaseRequest(context(), probe), RVL_SUCCESS);

  open([&](RvlContextInfo& info) { info.texture_limit = 5 * image; });
  std::vector<RvlRequest> requests;
  for (std::uint64_t i = 0; i < 4; ++i) {
    requests.push_back(ask(i));
    ASSERT_EQ(host().finish(requests.back()), RVL_STATE_READY);
  }
  auto acquired = sized<RvlImage>();
  for (const std::size_t i : {0u, 2u}) ASSERT_EQ(api().acquireImage(context(), requests[i], &acquired), RVL_SUCCESS);
  auto large = requestInfo(model(), 9);
  large.width = large.height = 32;  // four times the bytes; three are to be had
  RvlRequest request{};
  EXPECT_EQ(api().request(context(), &large, &request), RVL_ERROR_OUT_OF_DEVICE_MEMORY) << api().lastError();
  for (const RvlRequest r : requests) EXPECT_EQ(host().poll(r).state, RVL_STATE_READY) << "nothing went in vain";
  EXPECT_EQ(statistics().evicted, 0u);
  ASSERT_EQ(api().unacquireImage(context(), requests[0]), RVL_SUCCESS);
  EXPECT_EQ(api().request(context(), &large, &request), RVL_SUCCESS) << api().lastError();
  EXPECT_EQ(host().poll(requests[2]).state, RVL_STATE_READY) << "it is acquired";
  EXPECT_EQ(statistics().evicted, 3u);
}

TEST_F(PluginMemory, AnAcquireThatFailsEvictsNothing) {
  open();
  make(1);
  const RvlRequest probe = ask(1);
  const std::uint64_t image = statistics().texture_bytes;
  ASSERT_EQ(api().releaseRequest(context(), probe), RVL_SUCCESS);

  open([&](RvlContextInfo& info) { info.texture_limit = 5 * image; });
  auto large = requestInfo(model(), 9);
  large.width = large.height = 32;
  const RvlRequest first = ask(large);
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  const std::vector<std::byte> bytes = bytesOf(first);
  const RvlRequest a = ask(1), b = ask(2);
  EXPECT_EQ(host().poll(first).state, RVL_STATE_EVICTED);
  ASSERT_EQ(host().finish(a), RVL_STATE_READY);
  ASSERT_EQ(host().finish(b), RVL_STATE_READY);
  auto acquired = sized<RvlImage>();
  ASSERT_EQ(api().acquireImage(context(), a, &acquired), RVL_SUCCESS);
  const RvlRequest c = ask(3);  // in the making: it cannot go
  EXPECT_EQ(api().acquireImage(context(), first, &acquired), RVL_ERROR_OUT_OF_DEVICE_MEMORY) << api().lastError();
  EXPECT_EQ(host().poll(first).state, RVL_STATE_EVICTED) << "as before";
  EXPECT_EQ(host().poll(b).state, RVL_STATE_READY);
  ASSERT_EQ(api().unacquireImage(context(), a), RVL_SUCCESS);
  ASSERT_EQ(host().finish(c), RVL_STATE_READY);
  EXPECT_EQ(api().acquireImage(context(), first, &acquired), RVL_NOT_READY) << api().lastError();
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(first), bytes);
}

TEST_F(PluginMemory, ALimitBelowTheContextsOwnIsRefused) {
  PluginHost host;
  auto info = contextInfo(host.device());
  info.memory_limit = 1;
  RvlContext context{};
  EXPECT_EQ(api().createContext(&info, &context), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_NE(std::strstr(api().lastError(), "memory_limit 1"), nullptr) << api().lastError();
}

}  // namespace
}  // namespace rivulet::test
