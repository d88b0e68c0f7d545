// Networks in bytes: what calibration sees, what an evaluation loses, and that it does not depend on what multiplies.
#include <gtest/gtest.h>

#include <cstdio>

#include "engine/evaluator.h"
#include "engine/generator.h"
#include "engine/lanes.h"
#include "models/network_runner.h"
#include "quantize/quantize_model.h"
#include "support/expect_error.h"
#include "support/scoped_environment.h"
#include "support/tiny_texture_unet.h"

namespace rivulet {
namespace {

class Quantized : public test::NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().storage16 || !caps().multipliesBytes()) GTEST_SKIP() << "this device does not multiply bytes";
  }

  quantize::Magnitudes calibrated(const models::Network& network) {
    quantize::CalibrationOptions options;
    options.textures = 6;
    options.steps = {1, 3};
    return quantize::calibrate(network, pipelines(), stream(), options);
  }
  std::shared_ptr<const models::Network> quantized() {
    const Safetensors file = Safetensors::parse(original_, "tiny");
    const auto magnitudes = calibrated(*network_);
    return models::Network::load(quantize::quantizeModel(file, magnitudes, {"stem", "head"}).file, "tiny-int8");
  }
  test::Evaluation input(std::uint32_t n, std::uint32_t size) const {
    test::Evaluation in{n, size, size, {}, {}};
    in.x.resize(std::size_t{n} * 3 * size * size);
    fillNoise({9, NoiseStream::Initial, 0}, {0, 0, static_cast<std::uint32_t>(in.x.size()), 1}, 1, 1, in.x);
    in.conditioning.resize(std::size_t{n} * network_->conditioning().channels);
    for (std::size_t i = 0; i < in.conditioning.size(); ++i) in.conditioning[i] = 0.1f * static_cast<float>(i % 7);
    return in;
  }
  std::vector<float> run(const models::Network& network, engine::Precision precision, const test::Evaluation& in) {
    engine::Evaluator evaluator(network, pipelines(), stream(), engine::evaluationShape(in.n, in.h, in.w, precision));
    return evaluator.run(in.x, in.conditioning);
  }

  static engine::Request request(std::uint32_t steps, std::uint64_t seed) {
    engine::Request request;
    request.classes = {{1, 1.0f}};
    request.seed = seed;
    request.steps = steps;
    request.width = request.height = 32;
    return request;
  }
  std::vector<std::vector<float>> textures(const std::shared_ptr<const models::Network>& network,
                                           engine::Precision precision, const std::vector<engine::Request>& requests,
                                           std::uint32_t lanes = 1) {
    engine::GeneratorOptions options;
    options.precision = precision;
    options.lanes = lanes;
    engine::Generator generator(network, pipelines(), options);
    std::vector<std::vector<float>> result;
    engine::Progress last;
    const auto watch = [&](const engine::Progress& progress) { last = progress; };
    for (engine::Texture& texture : generator.generate(requests, watch)) result.push_back(std::move(texture.pixels));
    EXPECT_EQ(last.done, last.total) << "evaluations, each lane's once";
    return result;
  }

  std::vector<std::byte> original_ = test::TinyTextureUNet().bytes();
  std::shared_ptr<const models::Network> network_ = models::Network::load(original_, "tiny");
};

TEST_F(Quantized, CalibrationSeesEveryConvolution) {
  const quantize::Magnitudes magnitudes = calibrated(*network_);
  const Safetensors file = Safetensors::parse(original_, "tiny");
  std::size_t convolutions = 0;
  for (const auto& [name, entry] : file.tensors()) {
    if (entry.shape.size() != 4) continue;
    ++convolutions;
    const auto found = magnitudes.find(name.substr(0, name.size() - std::string(".weight").size()));
    ASSERT_NE(found, magnitudes.end()) << name;
    EXPECT_GT(found->second.largest(), 0) << name;
  }
  EXPECT_EQ(magnitudes.size(), convolutions);
  // Of noise: the stem reads x itself. Twelve evaluations of 3 channels.
  const std::uint32_t size = network_->info().nativeSize;
  EXPECT_EQ(magnitudes.at("stem").count(), 12u * 3 * size * size);
  EXPECT_GT(magnitudes.at("stem").largest(), 3.0f);
  const quantize::Magnitudes again = calibrated(*network_);
  EXPECT_EQ(again.at("mid.0.conv1").bestScale(), magnitudes.at("mid.0.conv1").bestScale());
}

TEST_F(Quantized, AnEvaluationLosesLittle) {
  const auto bytes = quantized();
  const test::Evaluation in = input(2, 32);
  const std::vector<float> floats = run(*network_, engine::Precision::Fp32, in);
  const double weights = test::relativeL2(run(*bytes, engine::Precision::Fp32, in), floats);
  const double both = test::relativeL2(run(*bytes, engine::Precision::Int8, in), floats);
  std::printf("  relative L2: weights in bytes %.2e, inputs as well %.2e\n", weights, both);
  EXPECT_LT(weights, 0.02);
  EXPECT_LT(both, 0.06);
  EXPECT_GT(both, weights) << "were the inputs rounded at all?";
}

/// Whatever multiplies, and whatever else is in the batch.
TEST_F(Quantized, NeitherUnitsNorABatchChangeTheBits) {
  const auto bytes = quantized();
  const test::Evaluation in = input(2, 32);
  const std::vector<float> all = run(*bytes, engine::Precision::Int8, in);
  test::Evaluation one = input(1, 32);
  EXPECT_EQ(run(*bytes, engine::Precision::Int8, one), std::vector<float>(all.begin(), all.begin() + 3 * 32 * 32));
}

TEST_F(Quantized, ANetworkInFloatsSaysSo) {
  test::expectError(
      ErrorCode::InvalidArgument, [&] { run(*network_, engine::Precision::Int8, input(1, 16)); }, "'tiny'",
      "rivulet quantize");
  engine::GeneratorOptions options;
  options.precision = engine::Precision::Int8;
  engine::Generator generator(network_, pipelines(), options);
  engine::Request request;
  request.classes = {{0, 1.0f}};
  test::expectError(
      ErrorCode::InvalidArgument, [&] { generator.generate(request); }, "'tiny'", "rivulet quantize");
  test::expectError(
      ErrorCode::InvalidArgument, [&] { engine::evaluationShape(1, 8, 8, engine::Precision::Mixed); }, "steps");
}

TEST_F(Quantized, MakesTextures) {
  const test::ScopedEnvironment usualTiles("RIVULET_AUTOTUNE", "0");  // each takes a software device seconds to compile
  const auto bytes = quantized();
  const std::vector<engine::Request> requests = {request(2, 1)};
  const std::vector<float> floats = textures(network_, engine::Precision::Fp32, requests).front();
  const std::vector<float> inBytes = textures(bytes, engine::Precision::Int8, requests).front();
  EXPECT_LT(test::relativeL2(inBytes, floats), 0.2);
  EXPECT_EQ(textures(bytes, engine::Precision::Int8, requests).front(), inBytes);
}

/// The first and the last evaluation of each texture in halves, whatever the others in its batch are at.
TEST_F(Quantized, MixedPrecisionGoesByTheSteps) {
  const test::ScopedEnvironment usualTiles("RIVULET_AUTOTUNE", "0");
  const auto bytes = quantized();
  std::vector<engine::Request> requests;
  for (const std::uint32_t steps : {2u, 4u, 1u, 11u, 3u}) requests.push_back(request(steps, steps));
  const auto mixed = textures(bytes, engine::Precision::Mixed, requests, 1);
  const auto halves = textures(bytes, engine::Precision::Fp16, requests, 1);
  const auto inBytes = textures(bytes, engine::Precision::Int8, requests, 1);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(std::to_string(requests[i].steps) + " steps");
    EXPECT_EQ(mixed[i] == halves[i], requests[i].steps <= 2);
    EXPECT_NE(mixed[i], inBytes[i]);
  }
  EXPECT_EQ(textures(bytes, engine::Precision::Mixed, requests, 3), mixed) << "lanes at different steps";
  EXPECT_EQ(textures(bytes, engine::Precision::Mixed, requests, 5), mixed);
}

/// Lanes at different steps: none waits longer than is counted on.
TEST_F(Quantized, MixedPrecisionWaitsNoLongerThanCountedOn) {
  const auto bytes = quantized();
  constexpr std::uint32_t kSteps = 5;
  const auto lanesOf = [&](std::uint32_t count) {
    engine::LaneShape shape;
    shape.lanes = count;
    shape.height = shape.width = 32;
    shape.precision = engine::Precision::Mixed;
    return engine::Lanes(bytes, pipelines(), stream(), shape, nullptr, {});
  };
  const engine::Lanes one = lanesOf(1);
  engine::Lanes two = lanesOf(2);
  std::uint32_t halves = 0, inBytes = 0;  // dispatches of one kind of evaluation alone
  for (std::uint32_t i = 0; i < one.executable().size(); ++i) {
    EXPECT_EQ(one.mostRuns(i, kSteps), one.runs(i, kSteps));
    halves += one.runs(i, kSteps) == 2 ? 1u : 0u;
    inBytes += one.runs(i, kSteps) == kSteps - 2 ? 1u : 0u;
    EXPECT_LE(two.mostRuns(i, kSteps), kSteps);
    EXPECT_EQ(two.mostRuns(i, kSteps), one.runs(i, kSteps) > 1 ? kSteps : 1u);
  }
  EXPECT_GT(halves, 10u);
  EXPECT_GT(inBytes, 10u);

  // The other lane begins again and again, so that it wants what this one does not as often as can be.
  for (std::uint32_t ahead = 0; ahead < kSteps; ++ahead) {
    const auto assign = [&](std::uint32_t lane) {
      const engine::Request asked = engine::resolve(bytes->info(), request(kSteps, lane));
      two.assign(lane, std::make_shared<engine::Request>(asked),
                 std::make_shared<StepPlan>(engine::makePlan(bytes->info(), asked)));
    };
    std::uint32_t kinds[2] = {};
    assign(0);
    for (std::uint32_t evaluation = 0; !two.active(1) || !two.finished(1); ++evaluation) {
      if (evaluation == ahead) assign(1);
      if (two.finished(0)) assign(0);
      const VkCommandBuffer commands = stream().begin("evaluation");
      two.recordParameters(commands);
      for (std::uint32_t i = two.firstDispatch(); i < two.executable().size(); i = two.nextDispatch(i)) {
        two.record(commands, i, 1);
      }
      stream().wait(stream().submit());
      if (two.active(1)) ++kinds[two.takesPart(1) ? 0 : 1];
      two.advance();
    }
    EXPECT_EQ(kinds[0], kSteps);
    EXPECT_LE(kinds[1], kSteps) << ahead << " ahead";
    two.release(0);
    two.release(1);
  }
}

}  // namespace
}  // namespace rivulet
