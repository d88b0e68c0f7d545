// Textures in eight bits and in mixed precision: they are those of the library's own generator, however the work was
// cut up, whoever else was in the batch at whatever step, and whatever multiplies the bytes.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "engine/generator.h"
#include "engine/tuning_file.h"
#include "image/image.h"
#include "plugin/plugin_fixture.h"
#include "quantize/quantize_model.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"
#include "vk/pipeline_cache.h"

namespace rivulet::test {
namespace {

/// A software device takes a second for each kernel, so there are few.
TinyTextureUNet floats() {
  TinyTextureUNet model;
  for (std::uint32_t& width : model.widths) width = 16;
  return model;
}

class PluginQuantized : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().storage16 || !caps().multipliesBytes()) {
      ASSERT_FALSE(std::getenv("RIVULET_EXPECT_MATRIX_UNITS")) << caps().name << " has none";
      GTEST_SKIP() << "this device does not multiply bytes";
    }
  }
  /// The network above with its convolutions in bytes but for the first and the last. Made once.
  const std::vector<std::byte>& file() {
    static const std::vector<std::byte> made = [&] {
      const std::vector<std::byte> original = floats().bytes();
      quantize::CalibrationOptions options;
      options.textures = 2;
      options.steps = {2};
      const auto network = models::Network::load(original, "tiny");
      const auto magnitudes = quantize::calibrate(*network, pipelines(), stream(), options);
      return quantize::quantizeModel(Safetensors::parse(original, "tiny"), magnitudes, {"stem", "head"}).file;
    }();
    return made;
  }
  template <class Change>
  void open(RvlPrecision precision, Change&& change) {
    PluginTest::open(
        [&](RvlContextInfo& info) {
          info.precision = precision;
          change(info);
        },
        {}, file());
  }
  void open(RvlPrecision precision) {
    open(precision, [](RvlContextInfo&) {});
  }
  /// What the generator makes of the same request, as RGBA bytes.
  std::vector<std::byte> expected(engine::Precision precision, std::uint64_t seed, std::uint32_t steps) {
    const ScopedEnvironment usualTiles("RIVULET_AUTOTUNE", "0");  // there is one of each kernel to compile, then
    engine::Request request;
    request.classes = {{0, 1.0f}};
    request.seed = seed;
    request.steps = steps;
    engine::GeneratorOptions options;
    options.precision = precision;
    engine::Generator generator(models::Network::load(file(), "tiny"), pipelines(), options);
    const engine::Texture texture = generator.generate(request);
    const Image image = imageFromChw(texture.pixels, 3, texture.height, texture.width);
    std::vector<std::byte> rgba;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      rgba.push_back(static_cast<std::byte>(image.pixels[i]));
      if (i % 3 == 2) rgba.push_back(std::byte{255});
    }
    return rgba;
  }
  void warmUp(std::uint32_t lanes, bool preview = false) {
    auto info = sized<RvlWarmUpInfo>();
    info.model = model();
    info.lanes = lanes;
    info.preview = preview;
    ASSERT_EQ(api().warmUp(context(), &info), RVL_SUCCESS) << api().lastError();
    RvlResult ready = RVL_NOT_READY;
    while ((ready = api().isReady(context(), &info)) == RVL_NOT_READY)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(ready, RVL_SUCCESS) << api().lastError();
  }
  RvlModelProperties properties() {
    auto properties = sized<RvlModelProperties>();
    EXPECT_EQ(api().getModelProperties(context(), model(), &properties), RVL_SUCCESS) << api().lastError();
    return properties;
  }
  std::vector<RvlOpStatistics> ops() {
    std::uint32_t count = 0;
    EXPECT_EQ(api().getOpStatistics(context(), nullptr, &count), RVL_SUCCESS) << api().lastError();
    std::vector<RvlOpStatistics> all(count, sized<RvlOpStatistics>());
    EXPECT_EQ(api().getOpStatistics(context(), all.data(), &count), RVL_SUCCESS) << api().lastError();
    return all;
  }
  /// Dispatches so far of convolutions that multiply bytes.
  std::uint64_t inBytes() {
    std::uint64_t dispatches = 0;
    for (const RvlOpStatistics& op : ops())
      if (std::string(op.name).find("int8") != std::string::npos) dispatches += op.dispatches;
    return dispatches;
  }
};

TEST_F(PluginQuantized, TexturesAreTheGenerators) {
  const auto inEight = expected(engine::Precision::Int8, 7, 2), mixed = expected(engine::Precision::Mixed, 7, 4);
  EXPECT_NE(inEight, expected(engine::Precision::Fp16, 7, 2));
  EXPECT_NE(mixed, expected(engine::Precision::Fp16, 7, 4));
  for (const RvlMode mode : {RVL_MODE_RECORD, RVL_MODE_ASYNC}) {
    SCOPED_TRACE(mode == RVL_MODE_RECORD ? "record" : "async");
    open(RVL_PRECISION_INT8, [&](RvlContextInfo& info) { info.mode = mode; });
    EXPECT_EQ(properties().quantized, VK_TRUE);
    EXPECT_EQ(make(7, 2), inEight);
    EXPECT_GT(inBytes(), 0u);
    open(RVL_PRECISION_MIXED, [&](RvlContextInfo& info) { info.mode = mode; });
    EXPECT_EQ(make(7, 4), mixed);
    EXPECT_GT(inBytes(), 0u);
  }
}

TEST_F(PluginQuantized, ABudgetOfOneDispatchAFrameChangesNothing) {
  for (const auto& [precision, same] : {std::pair(RVL_PRECISION_INT8, engine::Precision::Int8),
                                        std::pair(RVL_PRECISION_MIXED, engine::Precision::Mixed)}) {
    open(precision);
    const RvlRequest request = ask(7, 3);
    ASSERT_EQ(host().finish(request, 1e-3), RVL_STATE_READY);
    EXPECT_EQ(bytesOf(request), expected(same, 7, 3));
  }
}

/// Without asking for bytes the weights are floats, whatever the device can do.
TEST_F(PluginQuantized, OtherPrecisionsTakeTheModelAsWell) {
  for (const bool able : {false, true}) {
    const auto change = [able](RvlContextInfo& info) {
      if (!able) info.byte_features = {};
    };
    open(RVL_PRECISION_FLOAT, change);
    EXPECT_EQ(properties().quantized, VK_TRUE);
    EXPECT_EQ(make(7, 2), expected(engine::Precision::Fp32, 7, 2));
    EXPECT_EQ(inBytes(), 0u);
    open(RVL_PRECISION_HALF, change);
    EXPECT_EQ(make(7, 2), expected(engine::Precision::Fp16, 7, 2));
    EXPECT_EQ(inBytes(), 0u);
  }
}

TEST_F(PluginQuantized, ContextsSayWhatIsMissing) {
  HostDevice device;
  for (const RvlPrecision precision : {RVL_PRECISION_INT8, RVL_PRECISION_MIXED}) {
    const auto refused = [&](const char* part, auto change) {
      auto info = contextInfo(device);
      info.precision = precision;
      change(info);
      RvlContext context{};
      EXPECT_EQ(api().createContext(&info, &context), RVL_ERROR_MISSING_FEATURE) << api().lastError();
      EXPECT_NE(std::strstr(api().lastError(), part), nullptr) << api().lastError();
      EXPECT_NE(std::strstr(api().lastError(), precision == RVL_PRECISION_INT8 ? "INT8" : "MIXED"), nullptr)
          << api().lastError();
    };
    refused("integer_dot_product", [](RvlContextInfo& info) { info.byte_features = {}; });
    refused("storage_buffer_16bit_access",
            [](RvlContextInfo& info) { info.features.storage_buffer_16bit_access = VK_FALSE; });
    // Matrix units need to be told of, too.
    refused("cooperative_matrix", [](RvlContextInfo& info) {
      info.byte_features.integer_dot_product = VK_FALSE;
      info.features.cooperative_matrix = VK_FALSE;
    });
  }
}

TEST_F(PluginQuantized, AModelInFloatsIsRefusedWhenItIsLoaded) {
  const std::vector<std::byte> original = floats().bytes();
  auto info = sized<RvlModelInfo>();
  info.data = original.data();
  info.size = original.size();
  info.name = "in floats";
  for (const RvlPrecision precision : {RVL_PRECISION_INT8, RVL_PRECISION_MIXED}) {
    open(precision);
    RvlModel other{};
    EXPECT_EQ(api().loadModel(context(), &info, &other), RVL_ERROR_UNSUPPORTED) << api().lastError();
    EXPECT_EQ(other.id, 0u);
    for (const char* const part : {"'in floats'", "rivulet quantize", "RVL_PRECISION_AUTO"})
      EXPECT_NE(std::strstr(api().lastError(), part), nullptr) << part << " in: " << api().lastError();
    const RvlRequest request = ask(1, 1);
    EXPECT_EQ(host().finish(request), RVL_STATE_READY) << "the context goes on";
  }
  PluginTest::open([](RvlContextInfo&) {}, {}, original);
  EXPECT_EQ(properties().quantized, VK_FALSE);
}

TEST_F(PluginQuantized, WhateverMultiplies) {
  const auto bytes = expected(engine::Precision::Mixed, 7, 3);
  vk::DeviceCaps dots = caps(), matrices = caps();
  dots.shaderInt8 = false;
  matrices.integerDotProduct = false;
  if (dots.multipliesBytes()) {
    open(RVL_PRECISION_MIXED, [](RvlContextInfo& info) { info.byte_features.shader_int8 = VK_FALSE; });
    EXPECT_EQ(make(7, 3), bytes) << "by dot products";
  }
  if (matrices.multipliesBytes()) {
    open(RVL_PRECISION_MIXED, [](RvlContextInfo& info) { info.byte_features.integer_dot_product = VK_FALSE; });
    EXPECT_EQ(make(7, 3), bytes) << "by matrix units alone";
    bool seen = false;
    for (const RvlOpStatistics& op : ops()) seen = seen || std::strstr(op.name, "int8 matrix");
    EXPECT_TRUE(seen);
  }
}

/// Lanes that want halves and lanes that want bytes take turns, and each counts its own evaluations only.
TEST_F(PluginQuantized, RequestsAtDifferentStepsShareLanes) {
  open(RVL_PRECISION_MIXED);
  warmUp(4, true);
  constexpr std::uint32_t kSteps[] = {5, 2, 4, 1, 3, 6, 2};
  std::vector<RvlRequest> requests;
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < std::size(kSteps); ++i) {
    auto info = requestInfo(model(), i, kSteps[i]);
    info.preview = VK_TRUE;
    requests.push_back(ask(info));
    all += kSteps[i];
  }
  std::vector<std::uint32_t> done(std::size(kSteps), 0);
  bool working = true;
  while (working) {
    host().frame(300);
    working = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const RvlRequestStatus status = host().poll(requests[i]);
      ASSERT_NE(status.state, RVL_STATE_FAILED);
      working = working || status.state < RVL_STATE_READY;
      EXPECT_GE(status.steps_done, done[i]);
      EXPECT_LE(status.steps_done, kSteps[i]);
      EXPECT_LE(status.previews, status.steps_done) << "one that waits has none to show";
      done[i] = status.steps_done;
    }
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(std::to_string(kSteps[i]) + " steps");
    EXPECT_EQ(done[i], kSteps[i]);
    EXPECT_EQ(host().poll(requests[i]).previews, kSteps[i] - 1) << "one after each step but the last";
    EXPECT_EQ(bytesOf(requests[i]), expected(engine::Precision::Mixed, i, kSteps[i]));
  }
  const RvlStatistics statistics = this->statistics();
  EXPECT_EQ(statistics.lane_evaluations, all);
  EXPECT_LT(statistics.evaluations, all) << "some had several lanes at work";
  std::uint64_t dispatches = 0;
  for (const RvlOpStatistics& op : ops()) dispatches += op.dispatches;
  EXPECT_EQ(dispatches, statistics.dispatches);
}

/// One is cancelled, or lost on its way, while the other waits for it or it waits for the other.
TEST_F(PluginQuantized, WhatHappensToOneLeavesTheOtherAlone) {
  const auto first = expected(engine::Precision::Mixed, 3, 5);
  open(RVL_PRECISION_MIXED, [](RvlContextInfo& info) { info.max_lanes = 2; });
  warmUp(2);
  for (std::uint32_t steps = 0; steps < 4; ++steps) {
    for (const int frames : {1, 3, 9}) {
      SCOPED_TRACE(std::to_string(steps) + " steps and " + std::to_string(frames) + " frames");
      const RvlRequest a = ask(3, 5);
      while (host().poll(a).steps_done < steps) host().frame(200);
      const RvlRequest b = ask(4, 3);
      for (int i = 0; i < frames; ++i) host().frame(200);
      ASSERT_EQ(api().cancel(context(), b), RVL_SUCCESS);
      ASSERT_EQ(api().releaseRequest(context(), b), RVL_SUCCESS);
      if (frames == 3) {
        auto info = sized<RvlRecordInfo>();
        info.command_buffer = host().stream().begin("a frame that is dropped");
        info.budget_us = 300;
        auto dropped = sized<RvlRecordResult>();
        ASSERT_EQ(api().record(context(), &info, &dropped), RVL_SUCCESS) << api().lastError();
        host().stream().abandon();
        if (dropped.serial != 0) {
          ASSERT_EQ(api().discard(context(), dropped.serial), RVL_SUCCESS) << api().lastError();
        }
      }
      ASSERT_EQ(host().finish(a), RVL_STATE_READY);
      EXPECT_EQ(bytesOf(a), first);
      EXPECT_EQ(api().releaseRequest(context(), a), RVL_SUCCESS);
    }
  }
}

TEST_F(PluginQuantized, AnEvictedTextureIsMadeAgain) {
  open(RVL_PRECISION_MIXED);
  const RvlRequest probe = ask(1, 1);
  ASSERT_EQ(host().finish(probe), RVL_STATE_READY);
  const std::uint64_t one = statistics().texture_bytes;
  open(RVL_PRECISION_MIXED, [&](RvlContextInfo& info) { info.texture_limit = one; });
  const RvlRequest first = ask(7, 3);
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  const auto bytes = bytesOf(first);
  EXPECT_EQ(bytes, expected(engine::Precision::Mixed, 7, 3));
  const RvlRequest second = ask(8, 3);
  EXPECT_EQ(host().poll(first).state, RVL_STATE_EVICTED);
  ASSERT_EQ(host().finish(second), RVL_STATE_READY);
  auto image = sized<RvlImage>();
  ASSERT_EQ(api().acquireImage(context(), first, &image), RVL_NOT_READY) << api().lastError();
  ASSERT_EQ(host().finish(first), RVL_STATE_READY);
  EXPECT_EQ(bytesOf(first), bytes);
}

/// Both networks of mixed precision and their weights are in the bytes asked for, and those are enough.
TEST_F(PluginQuantized, TheMemoryLimitKnowsBothNetworks) {
  std::uint64_t needed = 0;
  const auto tryOne = [&] {
    const auto info = requestInfo(model(), 7, 3);
    RvlRequest request{};
    const RvlResult result = api().request(context(), &info, &request);
    if (result == RVL_SUCCESS) {
      EXPECT_EQ(host().finish(request), RVL_STATE_READY);
      EXPECT_LE(statistics().memory_bytes, needed == 0 ? UINT64_MAX : needed);
      EXPECT_EQ(bytesOf(request), expected(engine::Precision::Mixed, 7, 3));
    }
    return result;
  };
  open(RVL_PRECISION_MIXED, [](RvlContextInfo& info) { info.memory_limit = 200'000; });
  ASSERT_EQ(tryOne(), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
  const char* const number = std::strstr(api().lastError(), "needs ");
  ASSERT_NE(number, nullptr) << api().lastError();
  needed = std::strtoull(number + std::strlen("needs "), nullptr, 10);
  ASSERT_GT(needed, 200'000u);
  open(RVL_PRECISION_MIXED, [&](RvlContextInfo& info) { info.memory_limit = needed; });
  EXPECT_EQ(tryOne(), RVL_SUCCESS) << api().lastError();
  open(RVL_PRECISION_MIXED, [&](RvlContextInfo& info) { info.memory_limit = needed - 1; });
  EXPECT_EQ(tryOne(), RVL_ERROR_OUT_OF_DEVICE_MEMORY);
}

/// Textures of two steps have no evaluation in bytes; what the others take is learned all the same, under the name that
/// the library has for it.
TEST_F(PluginQuantized, EvaluationsInHalvesAreWhatIsLearned) {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  open(RVL_PRECISION_MIXED, [&](RvlContextInfo& info) {
    info.tuning_folder = path.c_str();
    info.max_lanes = 1;
  });
  for (std::uint64_t seed = 0; seed < 4; ++seed) static_cast<void>(make(seed, 2));
  EXPECT_EQ(inBytes(), 0u);
  close();
  const auto network = models::Network::load(file(), "tiny");
  engine::LaneShape shape;
  shape.height = shape.width = network->info().nativeSize;
  shape.precision = engine::Precision::Mixed;
  const std::string key =
      engine::curveKey(network->info(), shape, engine::planLanes(*network, *sharedGpu().device, shape));
  const engine::DeviceTuning known =
      engine::readTuning(engine::tuningFile(vk::PipelineCache::fileIn(folder.path(), caps())));
  ASSERT_TRUE(known.curves.contains(key)) << key;
  EXPECT_TRUE(known.curves.at(key).has(1));
}

}  // namespace
}  // namespace rivulet::test
