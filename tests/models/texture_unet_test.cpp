#include "models/texture_unet.h"

#include <gtest/gtest.h>

#include <random>

#include "models/network_runner.h"
#include "models/texture_unet_reference.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace rivulet {
namespace {

using nlohmann::json;
using test::Evaluation;
using test::relativeL2;
using test::TextureUNetInputs;

class TextureUNet : public test::NetworkTest {
 protected:
  std::shared_ptr<const models::Network> save(const json& config, const test::RandomWeights& weights) const {
    test::SafetensorsWriter writer = weights.writer();
    writer.metadata("config", config.dump());
    return models::Network::load(folder_.write("tiny.safetensors", writer.bytes()));
  }

  /// Different times, class blends and styles in every lane.
  std::vector<TextureUNetInputs> randomInputs(const json& config, std::uint32_t lanes, std::uint32_t h,
                                              std::uint32_t w) {
    std::uniform_real_distribution<float> uniform;
    std::normal_distribution<float> normal;
    std::vector<TextureUNetInputs> inputs(lanes);
    for (TextureUNetInputs& in : inputs) {
      in.x = test::Map(config["in_channels"].get<std::size_t>(), h, w);
      for (double& value : in.x.v) value = double{normal(random_)};
      in.t = double{uniform(random_)};
      in.s = double{uniform(random_)};
      in.w = double{1 + 3 * uniform(random_)};
      in.classes.assign(config["classes"].size() + 1, 0);
      const double blend = double{uniform(random_)};
      in.classes.front() += blend;
      in.classes.back() += 1 - blend;
      for (std::size_t i = 0; i < config["style_dim"].get<std::size_t>(); ++i)
        in.style.push_back(double{normal(random_)});
    }
    return inputs;
  }

  Evaluation batchOf(const models::Network& network, const std::vector<TextureUNetInputs>& lanes) const {
    const models::ConditioningLayout layout = network.conditioning();
    const auto size = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
    Evaluation batch{size(lanes.size()), size(lanes[0].x.h), size(lanes[0].x.w), {}, {}};
    for (const TextureUNetInputs& in : lanes) {
      for (const double value : in.x.v) batch.x.push_back(static_cast<float>(value));
      std::vector<float> row(layout.channels);
      row[layout.timestep] = static_cast<float>(in.t);
      row[layout.targetTime] = static_cast<float>(in.s);
      row[layout.guidance] = static_cast<float>(in.w);
      std::transform(in.style.begin(), in.style.end(), row.begin() + layout.style,
                     [](double v) { return static_cast<float>(v); });
      std::transform(in.classes.begin(), in.classes.end(), row.begin() + layout.classWeights,
                     [](double v) { return static_cast<float>(v); });
      batch.conditioning.insert(batch.conditioning.end(), row.begin(), row.end());
    }
    return batch;
  }

  void compare(const json& change, std::uint32_t lanes, std::uint32_t h, std::uint32_t w) {
    json config = test::tinyTextureUNet();
    config.update(change);
    SCOPED_TRACE(change.dump());
    test::RandomWeights weights(21);
    test::TextureUNetReference reference(config, weights.source());
    const std::vector<TextureUNetInputs> inputs = randomInputs(config, lanes, h, w);
    test::Vector expected;
    for (const TextureUNetInputs& in : inputs) {
      const test::Map y = reference(in);
      expected.insert(expected.end(), y.v.begin(), y.v.end());
    }
    const auto network = save(config, weights);
    EXPECT_EQ(network->info().parameters, weights.parameters());
    const Evaluation batch = batchOf(*network, inputs);
    const double fp32 = relativeL2(evaluate(*network, DataType::F32, batch), expected);
    const double fp16 = relativeL2(evaluate(*network, DataType::F16, batch), expected);
    std::printf("  %s: relative L2 %.2e fp32, %.2e fp16\n", change.dump().c_str(), fp32, fp16);
    EXPECT_LE(fp32, 1e-4);
    EXPECT_LE(fp16, 1e-2);
  }

  test::TemporaryFolder folder_;
  std::mt19937 random_{9};
};

TEST_F(TextureUNet, MatchesTheReference) {
  compare(json::object(), 3, 16, 24);
}
TEST_F(TextureUNet, MatchesTheReferenceAtItsSmallestSize) {
  compare(json::object(), 1, 8, 8);
}
TEST_F(TextureUNet, MatchesTheReferenceWithAllInputs) {
  compare({{"target_time", true}, {"guidance", true}}, 2, 16, 16);
  compare({{"guidance", true}}, 1, 8, 16);
}
TEST_F(TextureUNet, MatchesTheReferenceInOtherShapes) {
  compare({{"blocks_per_level", 1}, {"in_channels", 4}, {"out_channels", 8}, {"widths", {10, 16, 8}}}, 2, 16, 8);
  compare({{"style_dim", 0}, {"classes", json::array()}}, 1, 16, 16);
  compare({{"in_channels", 1}, {"out_channels", 2}, {"style_dim", 0}, {"widths", {16, 32, 48}}, {"padding", "zero"}}, 2,
          32, 32);
  compare({{"padding", "zero"}}, 1, 24, 16);
}

TEST_F(TextureUNet, TwiceTheChannelsAreALearnedVariance) {
  for (const bool learned : {false, true}) {
    json config = test::tinyTextureUNet();
    config["out_channels"] = learned ? 6 : 3;
    test::RandomWeights weights(26);
    test::TextureUNetReference reference(config, weights.source());
    reference(randomInputs(config, 1, 8, 8)[0]);
    EXPECT_EQ(save(config, weights)->info().scheduler.variance,
              learned ? VarianceType::LearnedRange : VarianceType::FixedSmall);
  }
}

/// Moving the input around the torus moves the output by as much, bit for bit: then no edge can be a seam.
TEST_F(TextureUNet, MovesWithItsInput) {
  const json config = test::tinyTextureUNet();
  test::RandomWeights weights(22);
  std::vector<TextureUNetInputs> inputs = randomInputs(config, 1, 32, 24);
  test::TextureUNetReference reference(config, weights.source());
  reference(inputs[0]);
  const auto network = save(config, weights);
  const auto moved = [](const std::vector<float>& image, std::size_t dy, std::size_t dx) {
    std::vector<float> result(image.size());
    const std::size_t h = 32, w = 24;
    for (std::size_t i = 0; i < image.size(); ++i) {
      const std::size_t x = i % w, y = i / w % h, c = i / w / h;
      result[(c * h + (y + dy) % h) * w + (x + dx) % w] = image[i];
    }
    return result;
  };
  Evaluation batch = batchOf(*network, inputs);
  const std::vector<float> still = evaluate(*network, DataType::F32, batch);
  for (const auto& [dy, dx] : {std::pair<std::size_t, std::size_t>{8, 0}, {0, 16}, {24, 8}}) {
    Evaluation shifted = batch;
    shifted.x = moved(batch.x, dy, dx);
    EXPECT_EQ(evaluate(*network, DataType::F32, shifted), moved(still, dy, dx)) << dy << ", " << dx;
  }
}

/// A tile repeated 2×2 gives its result repeated 2×2: nothing in the network is global.
TEST_F(TextureUNet, SeesOnlyWhatIsNear) {
  const json config = test::tinyTextureUNet();
  test::RandomWeights weights(23);
  std::vector<TextureUNetInputs> inputs = randomInputs(config, 1, 32, 32);
  test::TextureUNetReference reference(config, weights.source());
  reference(inputs[0]);
  const auto network = save(config, weights);
  std::vector<TextureUNetInputs> repeated = inputs;
  repeated[0].x = test::Map(3, 64, 64);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < 64; ++y) {
      for (std::size_t x = 0; x < 64; ++x) repeated[0].x.at(c, y, x) = inputs[0].x.at(c, y % 32, x % 32);
    }
  }
  const std::vector<float> one = evaluate(*network, DataType::F32, batchOf(*network, inputs));
  const std::vector<float> four = evaluate(*network, DataType::F32, batchOf(*network, repeated));
  std::vector<float> expected;
  for (std::size_t i = 0; i < four.size(); ++i) expected.push_back(one[(i / 4096 * 32 + i / 64 % 32) * 32 + i % 32]);
  EXPECT_LE(relativeL2(four, expected), 1e-6);
}

/// Lanes do not see each other.
TEST_F(TextureUNet, LanesAreIndependent) {
  const json config = test::tinyTextureUNet();
  test::RandomWeights weights(24);
  const std::vector<TextureUNetInputs> inputs = randomInputs(config, 3, 16, 16);
  test::TextureUNetReference reference(config, weights.source());
  reference(inputs[0]);
  const auto network = save(config, weights);
  const std::vector<float> together = evaluate(*network, DataType::F32, batchOf(*network, inputs));
  for (std::size_t lane = 0; lane < inputs.size(); ++lane) {
    const std::vector<float> alone = evaluate(*network, DataType::F32, batchOf(*network, {inputs[lane]}));
    const auto first = together.begin() + static_cast<std::ptrdiff_t>(lane * alone.size());
    EXPECT_LE(relativeL2(std::vector<float>(first, first + static_cast<std::ptrdiff_t>(alone.size())), alone), 1e-6);
  }
}

TEST_F(TextureUNet, RefusesInputsOfOtherShapes) {
  const json config = test::tinyTextureUNet();
  test::RandomWeights weights(25);
  const std::vector<TextureUNetInputs> inputs = randomInputs(config, 1, 16, 16);
  test::TextureUNetReference reference(config, weights.source());
  reference(inputs[0]);
  const auto network = save(config, weights);
  Evaluation batch = batchOf(*network, inputs);
  batch.w = 20;
  batch.x.resize(3 * 16 * 20);
  test::expectError(ErrorCode::InvalidArgument, {"'tiny'", "20x16", "multiple of 8"},
                    [&] { evaluate(*network, DataType::F32, batch); });
  graph::Graph graph(caps(), DataType::F32);
  const graph::Tensor x = graph.persistent({2, 16, 16, 3, DataType::F32}, "x");
  const graph::Tensor grey = graph.persistent({2, 16, 16, 1, DataType::F32}, "grey");
  const graph::Tensor wide = graph.persistent({2, 1, 1, 18, DataType::F32}, "wide");
  const graph::Tensor one = network->embed(graph, graph.persistent({1, 1, 1, 17, DataType::F32}, "one"));
  const std::string channels = std::to_string(graph.desc(one).c);
  EXPECT_EQ(network->conditioning().channels, 17u);
  test::expectError(ErrorCode::InvalidArgument, {"x is [2,16,16,1] f32", "3 channels"}, [&] {
    network->build(graph, {grey, one});
  });
  test::expectError(ErrorCode::InvalidArgument, {"conditioning is [2,1,1,18] f32", "expected [2,1,1,17] f32"},
                    [&] { network->embed(graph, wide); });
  test::expectError(ErrorCode::InvalidArgument,
                    {"embedding is [1,1,1," + channels + "] f32", "expected [2,1,1," + channels + "] f32"}, [&] {
                      network->build(graph, {x, one});
                    });
}

}  // namespace
}  // namespace rivulet
