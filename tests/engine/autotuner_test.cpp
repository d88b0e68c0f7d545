#include "engine/autotuner.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "ops/conv2d.h"
#include "support/gpu_fixture.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"

namespace rivulet::test {
namespace {

class Autotuner : public GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().cooperativeMatrix || !caps().timestamps) {
      ASSERT_FALSE(std::getenv("RIVULET_EXPECT_MATRIX_UNITS")) << caps().name << " has none";
      GTEST_SKIP() << "this device has no matrix units, of which there would be a choice";
    }
    gpu_ = caps();
    gpu_.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  }

  /// Two convolutions, one of them twice.
  graph::Graph build(const std::shared_ptr<const graph::Tuning>& tuning) const {
    graph::Graph graph(gpu_, DataType::F16, tuning);
    const auto conv = [&](const std::string& name, graph::Tensor x, std::uint32_t kernel) {
      ops::Conv2dDesc desc;
      desc.name = name;
      desc.weight = {{40, 40, kernel, kernel}, std::vector<float>(std::size_t{40} * 40 * kernel * kernel, 0.01f)};
      return ops::conv2d(graph, desc, {.x = x});
    };
    const graph::Tensor x = graph.persistent({1, 8, 8, 40, DataType::F16}, "x");
    graph.keep(conv("third", conv("second", conv("first", x, 3), 1), 3));
    return graph;
  }
  bool tune(engine::Autotuner& tuner) {
    return tuner.tune([this](const auto& tuning) { return build(tuning); }, "network");
  }

  TemporaryFolder folder_;
  vk::DeviceCaps gpu_;
};

TEST_F(Autotuner, MeasuresOnceAndRemembers) {
  const std::filesystem::path file = folder_.path() / "deep" / "choices.json";
  engine::Autotuner tuner(pipelines(), stream(), file);
  EXPECT_TRUE(tuner.tuning()->choices().empty());
  ASSERT_TRUE(tune(tuner));
  ASSERT_TRUE(tuner.tuning()->matrixUnits.has_value());
  const graph::Graph usual = build(nullptr);
  for (const graph::Dispatch& dispatch : usual.dispatches()) {
    if (dispatch.choice.candidates < 2) continue;
    ASSERT_TRUE(tuner.tuning()->has(dispatch.choice.key)) << dispatch.name;
    EXPECT_LT(tuner.tuning()->choices().at(dispatch.choice.key), dispatch.choice.candidates);
  }
  EXPECT_FALSE(tuner.tuning()->choices().empty());
  EXPECT_FALSE(tune(tuner)) << "all is known";

  engine::Autotuner next(pipelines(), stream(), file);
  EXPECT_EQ(next.tuning()->choices(), tuner.tuning()->choices());
  EXPECT_EQ(next.tuning()->matrixUnits, tuner.tuning()->matrixUnits);
  EXPECT_FALSE(tune(next));
}

TEST_F(Autotuner, ACorruptFileIsMadeAgain) {
  const std::filesystem::path file = folder_.path() / "choices.json";
  for (const char* text :
       {"", "{\"format\": \"rivulet-tuning-1\", \"choices\": {\"a\": \"b\"}}", "{\"format\": 7}", "\x01"}) {
    std::ofstream(file) << text;
    const engine::Autotuner tuner(pipelines(), stream(), file);
    EXPECT_TRUE(tuner.tuning()->choices().empty()) << text;
    EXPECT_FALSE(tuner.tuning()->matrixUnits.has_value());
  }
  engine::Autotuner tuner(pipelines(), stream(), file);
  ASSERT_TRUE(tune(tuner));
  EXPECT_FALSE(engine::Autotuner(pipelines(), stream(), file).tuning()->choices().empty());
}

TEST_F(Autotuner, CanBeTurnedOff) {
  const std::filesystem::path file = folder_.path() / "choices.json";
  std::ofstream(file) << R"({"format": "rivulet-tuning-1", "choices": {"a": 1}})";
  const ScopedEnvironment off("RIVULET_AUTOTUNE", "0");
  engine::Autotuner tuner(pipelines(), stream(), file);
  EXPECT_TRUE(tuner.tuning()->choices().empty());
  EXPECT_FALSE(tune(tuner));
}

}  // namespace

TEST(Tuning, WhatNoLongerFitsIsIgnored) {
  graph::Tuning tuning;
  EXPECT_EQ(tuning.candidate("op", 1, 3), 1u);
  tuning.set("op", 2);
  EXPECT_EQ(tuning.candidate("op", 1, 3), 2u);
  EXPECT_EQ(tuning.candidate("op", 1, 2), 1u) << "there are fewer candidates now";
  tuning.takeAll(7);
  EXPECT_EQ(tuning.candidate("op", 1, 3), 2u);
  EXPECT_EQ(tuning.candidate("other", 0, 3), 2u);
}

}  // namespace rivulet::test
