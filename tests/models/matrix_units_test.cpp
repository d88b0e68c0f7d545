// Whole networks on matrix units, halves throughout, against the same network in floats.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "models/network_runner.h"

namespace rivulet {
namespace {

using test::Evaluation;
using test::relativeL2;

class MatrixUnits : public test::NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().cooperativeMatrix) {
      ASSERT_FALSE(std::getenv("RIVULET_EXPECT_MATRIX_UNITS")) << caps().name << " has none";
      GTEST_SKIP() << "this device has no matrix units";
    }
    gpu_ = caps();
    gpu_.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  }

  static Evaluation batch(const models::Network& network, std::uint32_t n, std::uint32_t size) {
    std::mt19937 random(17);
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform;
    const models::ConditioningLayout layout = network.conditioning();
    Evaluation in{n, size, size, {}, {}};
    in.x.resize(std::size_t{n} * network.info().inChannels * size * size);
    for (float& v : in.x) v = normal(random);
    for (std::uint32_t lane = 0; lane < n; ++lane) {
      std::vector<float> row(layout.channels);
      row[layout.timestep] = uniform(random);
      row[layout.targetTime] = row[layout.timestep] * uniform(random);
      row[layout.guidance] = 1.5f;
      for (std::uint32_t i = layout.style; i < layout.classWeights; ++i) row[i] = normal(random);
      row[layout.classWeights + lane % (layout.channels - layout.classWeights)] = 1;
      in.conditioning.insert(in.conditioning.end(), row.begin(), row.end());
    }
    return in;
  }

  vk::DeviceCaps gpu_;
};

TEST_F(MatrixUnits, AreAsExactAsHalvesAllow) {
  const auto network = models::Network::load(std::string(RIVULET_SOURCE_DIR) + "/models/materials-s.safetensors");
  const Evaluation in = batch(*network, 2, 40);
  const std::vector<float> floats = evaluate(*network, DataType::F32, in);
  const double error = relativeL2(evaluate(*network, gpu_, DataType::F16, in), floats);
  std::printf("  relative L2 %.2e\n", error);
  EXPECT_LE(error, 5e-3);
}

/// Nothing is left of the norms but what their readers and writers do.
TEST_F(MatrixUnits, TakeEveryConvolutionWithItsNorm) {
  for (const auto& [name, most] : {std::pair{"materials-s", 41u}, {"materials-m", 41u}}) {
    const auto network = models::Network::load(std::string(RIVULET_SOURCE_DIR) + "/models/" + name + ".safetensors");
    graph::Graph graph(gpu_, DataType::F16);
    models::NetworkInputs inputs;
    inputs.x = graph.persistent({1, 64, 64, network->info().inChannels, DataType::F16}, "x");
    inputs.embedding = network->embed(
        graph, graph.persistent({1, 1, 1, network->conditioning().channels, DataType::F32}, "conditioning"));
    const std::size_t first = graph.dispatches().size();
    network->build(graph, inputs);
    for (const graph::Dispatch& dispatch : graph.dispatches()) {
      EXPECT_EQ(dispatch.op.find("conv2d"), std::string::npos) << dispatch.name << ": " << dispatch.op;
      EXPECT_EQ(dispatch.op.find("statistics"), std::string::npos) << dispatch.name << ": " << dispatch.op;
    }
    std::printf("  %s: %zu dispatches, and %zu of the embedding\n", name, graph.dispatches().size() - first, first);
    EXPECT_LE(graph.dispatches().size() - first, most);
  }
}

/// A texture is the same alone and in a batch, bit for bit, though a batch is cut up otherwise.
TEST_F(MatrixUnits, ABatchDoesNotChangeATexture) {
  const auto network = models::Network::load(std::string(RIVULET_SOURCE_DIR) + "/models/materials-s.safetensors");
  const Evaluation together = batch(*network, 3, 32);
  const std::vector<float> all = evaluate(*network, gpu_, DataType::F16, together);
  const std::size_t in = together.x.size() / 3, row = together.conditioning.size() / 3, out = all.size() / 3;
  for (std::size_t lane = 0; lane < 3; ++lane) {
    const auto slice = [lane](const std::vector<float>& of, std::size_t size) {
      const auto first = of.begin() + static_cast<std::ptrdiff_t>(lane * size);
      return std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size));
    };
    const Evaluation one{1, 32, 32, slice(together.x, in), slice(together.conditioning, row)};
    EXPECT_EQ(evaluate(*network, gpu_, DataType::F16, one), slice(all, out)) << "lane " << lane;
  }
}

}  // namespace
}  // namespace rivulet
