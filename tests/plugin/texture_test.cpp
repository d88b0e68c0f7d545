// From a request to the bytes of an image: they are those of the library's own generator, however the work was cut up
// and whatever else was asked for.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/generator.h"
#include "image/image.h"
#include "plugin/plugin_host.h"

namespace rivulet::test {
namespace {

class PluginTexture : public GpuTest {
 protected:
  /// What the generator makes of the same request, as RGBA bytes.
  std::vector<std::uint8_t> expected(const engine::Request& request, const TinyTextureUNet& model = {}) {
    engine::Generator generator(model.load(), pipelines(), {});
    const engine::Texture texture = generator.generate(request);
    const Image image = imageFromChw(texture.pixels, 3, texture.height, texture.width);
    std::vector<std::uint8_t> rgba;
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
      rgba.insert(rgba.end(), {image.pixels[i], image.pixels[i + 1], image.pixels[i + 2], 255});
    return rgba;
  }
  static engine::Request engineRequest(std::uint64_t seed, std::uint32_t steps = 2) {
    engine::Request request;
    request.classes = {{0, 1.0f}};
    request.seed = seed;
    request.steps = steps;
    return request;
  }
  static RvlRequest ask(PluginHost& host, const RvlRequestInfo& info) {
    RvlRequest request{};
    EXPECT_EQ(api().request(host.context(), &info, &request), RVL_SUCCESS) << api().lastError();
    return request;
  }
  /// The bytes of level 0 of an RGBA8 request that is ready.
  static std::vector<std::uint8_t> bytesOf(PluginHost& host, RvlRequest request) {
    auto image = sized<RvlImage>();
    EXPECT_EQ(api().acquireImage(host.context(), request, &image), RVL_SUCCESS) << api().lastError();
    const auto bytes =
        host.read(image.image, image.layout, 0, image.width, image.height, 4ull * image.width * image.height);
    EXPECT_EQ(api().unacquireImage(host.context(), request), RVL_SUCCESS);
    std::vector<std::uint8_t> result(bytes.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

TEST_F(PluginTexture, HasTheGeneratorsBytes) {
  PluginHost host;
  host.createContext();
  const RvlModel model = host.load();
  const RvlRequest request = ask(host, requestInfo(model, 7));
  ASSERT_EQ(host.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(host, request), expected(engineRequest(7)));
}

TEST_F(PluginTexture, ABudgetOfOneDispatchAFrameChangesNothing) {
  PluginHost host;
  host.createContext();
  const RvlModel model = host.load();
  const RvlRequest request = ask(host, requestInfo(model, 7));
  ASSERT_EQ(host.finish(request, 1e-3), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(host, request), expected(engineRequest(7)));
}

TEST_F(PluginTexture, MayEndAtItsEdges) {
  PluginHost host;
  host.createContext();
  const RvlModel model = host.load();
  auto info = requestInfo(model, 7);
  const RvlRequest tiling = ask(host, info);
  info.wrap = RVL_WRAP_CLAMP;
  const RvlRequest ending = ask(host, info);
  ASSERT_EQ(host.finish(tiling), RVL_STATE_READY);
  ASSERT_EQ(host.finish(ending), RVL_STATE_READY);
  engine::Request request = engineRequest(7);
  request.wrap = models::Wrap::Clamp;
  EXPECT_EQ(bytesOf(host, ending), expected(request));
  EXPECT_EQ(bytesOf(host, tiling), expected(engineRequest(7)));
  EXPECT_NE(bytesOf(host, ending), bytesOf(host, tiling));
}

TEST_F(PluginTexture, TheSameFromOwnSubmissions) {
  PluginHost host;
  host.createContext([](RvlContextInfo& info) { info.mode = RVL_MODE_ASYNC; });
  const RvlModel model = host.load();
  const RvlRequest request = ask(host, requestInfo(model, 7));
  ASSERT_EQ(host.finish(request), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(host, request), expected(engineRequest(7)));
}

TEST_F(PluginTexture, RequestsAtDifferentStepsShareLanes) {
  PluginHost host;
  host.createContext();
  const RvlModel model = host.load();
  auto warm = sized<RvlWarmUpInfo>();  // or the one lane made for the first request serves them all meanwhile
  warm.model = model;
  ASSERT_EQ(api().warmUp(host.context(), &warm), RVL_SUCCESS) << api().lastError();
  while (api().isReady(host.context(), &warm) == RVL_NOT_READY)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::vector<RvlRequest> requests;
  for (std::uint64_t i = 0; i < 9; ++i) requests.push_back(ask(host, requestInfo(model, i, 1 + i % 4)));
  for (const RvlRequest request : requests) ASSERT_EQ(host.finish(request), RVL_STATE_READY);
  for (std::uint64_t i = 0; i < 9; ++i)
    EXPECT_EQ(bytesOf(host, requests[i]), expected(engineRequest(i, 1 + i % 4))) << "request " << i;
  auto statistics = sized<RvlStatistics>();
  ASSERT_EQ(api().getStatistics(host.context(), &statistics), RVL_SUCCESS);
  EXPECT_EQ(statistics.ready, 9u);
  EXPECT_GT(statistics.lane_evaluations, statistics.evaluations) << "some evaluation had several lanes at work";
}

}  // namespace
}  // namespace rivulet::test
