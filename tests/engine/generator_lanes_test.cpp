// How many lanes a generator takes, and what it learns of them.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "engine/generator.h"
#include "support/gpu_fixture.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::engine {
namespace {

/// Lanes are chosen by what evaluations took, which is in a file where the pipeline cache has one.
class GeneratorLanes : public test::GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    if (IsSkipped()) return;
    cache_ = std::make_unique<vk::PipelineCache>(pipelines().device(), folder_.path());
    file_ = tuningFile(cache_->file());
    LaneShape shape;
    shape.height = shape.width = 16;
    key_ = curveKey(tiny()->info(), shape, buildLaneGraph(*tiny(), caps(), shape));
  }
  static const std::shared_ptr<const models::Network>& tiny() {
    static const std::shared_ptr<const models::Network> network = test::TinyTextureUNet().load();
    return network;
  }
  static Request request(std::uint64_t seed, std::uint32_t steps) {
    Request r;
    r.classes = {{0, 1.0f}};
    r.seed = seed;
    r.steps = steps;
    return r;
  }
  /// As if earlier runs had measured it.
  template <class Time>
  void know(Time&& time) {
    DeviceTuning tuning;
    for (std::uint32_t lanes = 1; lanes <= 16; lanes *= 2) tuning.curves[key_].measured(lanes, time(lanes));
    writeTuning(file_, tuning);
  }
  /// Of the lanes that `count` textures are made on; they are those of one lane.
  std::uint32_t lanesOf(std::size_t count, const GeneratorOptions& options = {}) {
    std::vector<Request> requests;
    for (std::size_t i = 0; i < count; ++i) requests.push_back(request(i, 1));
    Generator generator(tiny(), *cache_, options);
    const std::vector<Texture> textures = generator.generate(requests);
    EXPECT_EQ(textures.back().pixels, Generator(tiny(), pipelines()).generate(requests.back()).pixels);
    return textures.front().lanes;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<vk::PipelineCache> cache_;
  std::filesystem::path file_;
  std::string key_;
};

TEST_F(GeneratorLanes, FollowTheCurve) {
  know([](double lanes) { return 1000 * lanes; });
  EXPECT_EQ(lanesOf(9), 1u);
  know([](double) { return 1000; });
  EXPECT_EQ(lanesOf(9), 9u);
  EXPECT_EQ(lanesOf(5), 5u);
  know([](double lanes) { return lanes <= 4 ? 1000 : 500 * lanes; });
  EXPECT_EQ(lanesOf(9), 3u) << "three rounds, like four lanes, which would need more memory";
}

TEST_F(GeneratorLanes, AreAsUsualBeforeAnythingIsKnown) {
  EXPECT_EQ(lanesOf(8), 4u);
}

TEST_F(GeneratorLanes, AreNoMoreThanMayBe) {
  know([](double) { return 1000; });
  GeneratorOptions options;
  options.maxLanes = 5;
  EXPECT_EQ(lanesOf(9, options), 5u);
  options.lanes = 2;
  EXPECT_EQ(lanesOf(9, options), 2u) << "given, and not chosen";
  EXPECT_EQ(lanesOf(1, options), 1u);
}

TEST_F(GeneratorLanes, AreMeasuredByTheWay) {
  if (!caps().timestamps) GTEST_SKIP() << "this device has no time stamps";
  Generator generator(tiny(), *cache_);
  const std::vector<Request> requests(4, request(1, 4));
  generator.generate(requests);
  generator.generate(request(1, 4));
  const DeviceTuning known = readTuning(file_);
  ASSERT_TRUE(known.curves.contains(key_));
  const BatchCurve& curve = known.curves.at(key_);
  EXPECT_TRUE(curve.has(1) && curve.has(4) && !curve.has(2));
  EXPECT_GT(curve.microseconds(1), 0);
  EXPECT_LT(curve.microseconds(4), 60e6);
}

TEST_F(GeneratorLanes, AreAsUsualWithoutTheAutotuner) {
  const test::ScopedEnvironment off("RIVULET_AUTOTUNE", "0");
  know([](double lanes) { return 1000 * lanes; });
  const DeviceTuning before = readTuning(file_);
  EXPECT_EQ(lanesOf(8), 4u);
  EXPECT_EQ(readTuning(file_).curves.at(key_).microseconds(4), before.curves.at(key_).microseconds(4));
}

}  // namespace
}  // namespace rivulet::engine
