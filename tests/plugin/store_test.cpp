// Memory that does not grow: images that go and come back, networks that make room, requests that cannot fit.
#include <chrono>
#include <thread>

#include "plugin/plugin_fixture.h"

namespace rivulet::test {
namespace {

using PluginStore = PluginTest;

constexpr std::uint64_t kImageBytes = 4 * 16 * 16;

TEST_F(PluginStore, TheLongestUnusedGoesAndComesBack) {
  open([](RvlContextInfo& info) { info.texture_limit = 2 * kImageBytes; });
  const RvlRequest a = ask(1);
  ASSERT_EQ(host().finish(a), RVL_STATE_READY);
  const std::vector<std::byte> bytes = bytesOf(a);
  const RvlRequest b = ask(2);
  ASSERT_EQ(host().finish(b), RVL_STATE_READY);
  bytesOf(a);  // now b is the longest unused
  const RvlRequest c = ask(3);
  EXPECT_EQ(host().poll(b).state, RVL_STATE_EVICTED);
  EXPECT_EQ(host().poll(a).state, RVL_STATE_READY);
  ASSERT_EQ(host().finish(c), RVL_STATE_READY);
  const RvlRequest d = ask(4);
  EXPECT_EQ(host().poll(a).state, RVL_STATE_EVICTED);
  ASSERT_EQ(host().finish(d), RVL_STATE_READY);
  auto image = sized<RvlImage>();
  ASSERT_EQ(api().acquireImage(context(), a, &image), RVL_NOT_READY);
  EXPECT_EQ(host().poll(a).state, RVL_STATE_WAITING);
  ASSERT_EQ(host().finish(a), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(a), bytes) << "made again, the same";
  EXPECT_EQ(statistics().texture_bytes, 2 * kImageBytes);
  EXPECT_EQ(statistics().evicted, 3u);
}

TEST_F(PluginStore, WhatIsAcquiredStays) {
  open([](RvlContextInfo& info) { info.texture_limit = kImageBytes; });
  const RvlRequest a = ask(1);
  ASSERT_EQ(host().finish(a), RVL_STATE_READY);
  auto image = sized<RvlImage>();
  ASSERT_EQ(api().acquireImage(context(), a, &image), RVL_SUCCESS);
  const auto info = requestInfo(model(), 2);
  RvlRequest b{};
  EXPECT_EQ(api().request(context(), &info, &b), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_NE(std::strstr(api().lastError(), "1024 bytes"), nullptr) << api().lastError();
  ASSERT_EQ(api().unacquireImage(context(), a), RVL_SUCCESS);
  EXPECT_EQ(api().request(context(), &info, &b), RVL_SUCCESS) << api().lastError();
}

TEST_F(PluginStore, ARequestThatNeverFitsSaysWhatItNeeds) {
  open([](RvlContextInfo& info) { info.memory_limit = 1u << 20; });
  auto info = requestInfo(model(), 1);
  info.width = info.height = 512;
  RvlRequest request{};
  EXPECT_EQ(api().request(context(), &info, &request), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
  EXPECT_NE(std::strstr(api().lastError(), "memory_limit is 1048576"), nullptr) << api().lastError();
}

TEST_F(PluginStore, SizesTakeTurnsUnderALimit) {
  // Room for one network of the larger size with few lanes, not for all sizes at once.
  open([](RvlContextInfo& info) { info.memory_limit = 3u << 20; });
  std::vector<RvlRequest> requests;
  for (std::uint32_t i = 0; i < 9; ++i) {
    auto info = requestInfo(model(), i);
    info.width = info.height = 16 + 16 * (i % 3);
    requests.push_back(ask(info));
  }
  for (const RvlRequest request : requests) {
    EXPECT_EQ(host().finish(request), RVL_STATE_READY);
    EXPECT_LE(statistics().memory_bytes, 3u << 20);
  }
}

TEST_F(PluginStore, EverythingIsGivenBack) {
  open();
  const std::uint64_t own = statistics().memory_bytes;
  std::vector<RvlRequest> requests;
  for (std::uint64_t i = 0; i < 6; ++i) requests.push_back(ask(i));
  for (const RvlRequest request : requests) EXPECT_EQ(host().finish(request), RVL_STATE_READY);
  for (const RvlRequest request : requests) EXPECT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
  EXPECT_EQ(statistics().texture_bytes, 0u);
  EXPECT_GT(statistics().memory_bytes, own) << "the network is kept";
  ASSERT_EQ(api().releaseModel(context(), model()), RVL_SUCCESS);
  for (int i = 0; i < 200 && statistics().memory_bytes != own; ++i) {
    host().frame();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(statistics().memory_bytes, own);
  EXPECT_EQ(statistics().executables, 0u);
}

TEST_F(PluginStore, AReleasedModelsRequestsFinish) {
  open();
  const RvlRequest request = ask(7);
  ASSERT_EQ(api().releaseModel(context(), model()), RVL_SUCCESS);
  EXPECT_EQ(host().finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(request).size(), kImageBytes);
}

}  // namespace
}  // namespace rivulet::test
