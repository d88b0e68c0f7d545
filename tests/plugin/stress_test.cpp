// Many requests at random: sizes, steps, priorities, cancels, releases, evictions, dropped recordings. None is lost,
// none comes twice, memory is what it was, and every texture has the bytes of the same request made alone.
// RIVULET_STRESS multiplies the number of requests.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "plugin/plugin_fixture.h"

namespace rivulet::test {
namespace {

using PluginStress = PluginTest;

unsigned stressFactor() {
  const char* text = std::getenv("RIVULET_STRESS");
  return text ? std::max(1u, static_cast<unsigned>(std::atoi(text))) : 1;
}

struct Kind {
  std::uint64_t seed;
  std::uint32_t steps, size;
  auto operator<=>(const Kind&) const = default;
};

RvlRequestInfo infoOf(RvlModel model, const Kind& kind) {
  auto info = requestInfo(model, kind.seed, kind.steps);
  info.width = info.height = kind.size;
  info.classes[0].index = static_cast<std::uint32_t>(kind.seed % 3);
  return info;
}

TEST_F(PluginStress, NothingIsLostAndNothingChanges) {
  std::map<Kind, std::vector<std::byte>> alone;
  open([](RvlContextInfo& info) { info.max_lanes = 1; });
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (const std::uint32_t steps : {1u, 2u})
      for (const std::uint32_t size : {16u, 24u}) {
        const Kind kind{seed, steps, size};
        alone[kind] = make(infoOf(model(), kind));
      }

  const RvlRequest one = ask(infoOf(model(), {0, 1, 24}));
  const std::uint64_t largest = statistics().texture_bytes;
  ASSERT_EQ(host().finish(one), RVL_STATE_READY);

  HostOptions options;
  options.validation = stressFactor() == 1;  // it takes three quarters of the time, and has seen it all after 300
  open(
      [&](RvlContextInfo& info) {
        info.texture_limit = 10 * largest;  // so that some are evicted, and some refused
        info.max_in_flight = 3;
      },
      options);
  for (const std::uint32_t size : {16u, 24u}) {  // or compiling outlasts the requests
    auto warm = sized<RvlWarmUpInfo>();
    warm.model = model();
    warm.width = warm.height = size;
    ASSERT_EQ(api().warmUp(context(), &warm), RVL_SUCCESS) << api().lastError();
    while (api().isReady(context(), &warm) == RVL_NOT_READY) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::mt19937 random(12345);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  struct Live {
    RvlRequest request;
    Kind kind;
    std::uint32_t frames;  // until it is cancelled
  };
  constexpr std::uint32_t kKept = UINT32_MAX;
  std::vector<Live> live;
  std::uint64_t asked = 0, compared = 0, cancelled = 0, reported = 0;
  const std::uint64_t total = 300ull * stressFactor();
  std::uint64_t memoryAfterWarmUp = 0;
  while (asked < total || !live.empty()) {
    for (std::uint32_t i = below(4); i > 0 && asked < total && live.size() < 16; --i) {
      const Kind kind{below(4), 1 + below(2), 16 + 8 * below(2)};
      auto info = infoOf(model(), kind);
      info.priority = static_cast<std::int32_t>(below(21)) - 10;
      RvlRequest request{};
      const RvlResult result = api().request(context(), &info, &request);
      if (result == RVL_ERROR_OUT_OF_DEVICE_MEMORY) break;  // all images are in the making
      ASSERT_EQ(result, RVL_SUCCESS) << api().lastError();
      live.push_back({request, kind, below(8) == 0 ? below(12) : kKept});
      ++asked;
    }
    if (below(30) == 0) {  // a recording that is never submitted; now and then nobody says so
      auto info = sized<RvlRecordInfo>();
      info.command_buffer = host().stream().begin("dropped");
      info.budget_us = 1 + below(2000);
      auto result = sized<RvlRecordResult>();
      ASSERT_EQ(api().record(context(), &info, &result), RVL_SUCCESS) << api().lastError();
      host().stream().abandon();
      if (result.serial != 0 && below(2) == 0) {
        ASSERT_EQ(api().discard(context(), result.serial), RVL_SUCCESS) << api().lastError();
      }
    }
    host().frame(1 + below(3000));
    for (std::size_t i = live.size(); i-- > 0;) {
      const RvlRequestState state = host().poll(live[i].request).state;
      ASSERT_NE(state, RVL_STATE_FAILED);
      bool over = false;
      if (state == RVL_STATE_READY && below(3) == 0) {
        ASSERT_EQ(bytesOf(live[i].request), alone[live[i].kind]) << "seed " << live[i].kind.seed;
        ++compared;
        over = below(2) == 0;
      } else if (state == RVL_STATE_EVICTED) {
        auto image = sized<RvlImage>();
        const RvlResult result = api().acquireImage(context(), live[i].request, &image);
        ASSERT_TRUE(result == RVL_NOT_READY || result == RVL_ERROR_OUT_OF_DEVICE_MEMORY) << api().lastError();
      } else if (live[i].frames != kKept && live[i].frames-- == 0) {
        ASSERT_EQ(api().cancel(context(), live[i].request), RVL_SUCCESS);
        cancelled += state < RVL_STATE_READY;
        over = true;
      }
      if (!over) continue;
      ASSERT_EQ(api().releaseRequest(context(), live[i].request), RVL_SUCCESS);
      live[i] = live.back();
      live.pop_back();
    }
    if (asked >= total / 2 && memoryAfterWarmUp == 0) memoryAfterWarmUp = statistics().memory_bytes;
    if (std::getenv("RIVULET_STRESS") && asked / 10000 != reported) {
      reported = asked / 10000;
      const RvlStatistics now = statistics();
      std::printf("%llu asked, %llu compared, %llu cancelled, %llu evicted, %llu bytes of memory\n",
                  static_cast<unsigned long long>(asked), static_cast<unsigned long long>(compared),
                  static_cast<unsigned long long>(cancelled), static_cast<unsigned long long>(now.evicted),
                  static_cast<unsigned long long>(now.memory_bytes));
      std::fflush(stdout);
    }
  }
  host().frame();
  // What was released is destroyed by another thread.
  for (int i = 0; i < 400 && statistics().memory_bytes > memoryAfterWarmUp; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const RvlStatistics end = statistics();
  EXPECT_GT(compared, total / 2);
  EXPECT_GT(cancelled, 0u);
  EXPECT_GT(end.evicted, 0u);
  EXPECT_EQ(end.requested, total);
  EXPECT_EQ(end.failed, 0u);
  EXPECT_EQ(end.waiting + end.running, 0u);
  EXPECT_EQ(end.texture_bytes, 0u);
  EXPECT_LE(end.memory_bytes, memoryAfterWarmUp) << "no more than halfway through, when images were alive as well";
}

TEST_F(PluginStress, FourThreadsAskWhileOneRecords) {
  open([](RvlContextInfo& info) { info.texture_limit = 64 * 4 * 256; });
  make(1);  // compiled
  constexpr int kThreads = 4, kRequests = 12;
  std::atomic<int> running = kThreads;
  std::atomic<int> ready = 0, cancelled = 0;
  std::vector<std::thread> threads;
  const RvlContext handle = context();
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRequests; ++i) {
        const auto info =
            requestInfo(model(), static_cast<std::uint64_t>(100 * t + i), 1 + static_cast<std::uint32_t>(i % 2));
        RvlRequest request{};
        if (api().request(handle, &info, &request) != RVL_SUCCESS) continue;
        auto status = sized<RvlRequestStatus>();
        if (i % 4 == 3) {
          api().cancel(handle, request);
          ++cancelled;
        } else {
          while (api().poll(handle, request, &status) == RVL_SUCCESS && status.state < RVL_STATE_READY)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
          if (status.state == RVL_STATE_READY || status.state == RVL_STATE_EVICTED) ++ready;
        }
        auto statistics = sized<RvlStatistics>();
        api().getStatistics(handle, &statistics);
        api().releaseRequest(handle, request);
      }
      --running;
    });
  }
  while (running > 0) host().frame(2000);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cancelled, kThreads * kRequests / 4);
  EXPECT_EQ(ready, kThreads * kRequests * 3 / 4);
  host().frame();
  EXPECT_EQ(statistics().texture_bytes, 0u);
}

}  // namespace
}  // namespace rivulet::test
