#include "quantize/quantize_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/network.h"
#include "support/expect_error.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::quantize {
namespace {

Magnitudes everywhere(const Safetensors& file, float largest) {
  Magnitudes magnitudes;
  for (const auto& [name, entry] : file.tensors()) {
    if (entry.shape.size() != 4) continue;
    magnitudes[name.substr(0, name.size() - std::string(".weight").size())].add(std::vector<float>{largest});
  }
  return magnitudes;
}

class QuantizeModel : public testing::Test {
 protected:
  std::vector<std::byte> original_ = test::TinyTextureUNet().bytes();
  Safetensors file_ = Safetensors::parse(original_, "tiny");
};

TEST_F(QuantizeModel, WeightsAreBytesTimesAScale) {
  const QuantizedModel result = quantizeModel(file_, everywhere(file_, 1.27f), {"stem", "head"});
  const Safetensors bytes = Safetensors::parse(result.file, "bytes");
  EXPECT_EQ(bytes.at("mid.0.conv1.weight").dtype, "I8");
  EXPECT_EQ(bytes.at("emb.out.weight").dtype, "I8");
  EXPECT_EQ(bytes.at("mid.0.norm1").dtype, "F32");
  EXPECT_EQ(bytes.at("stem.weight").dtype, "F32");
  EXPECT_EQ(bytes.at("head.out.weight").dtype, "F32");
  EXPECT_FALSE(bytes.contains("emb.out.input_scale")) << "only convolutions are computed in bytes";
  EXPECT_NEAR(bytes.floats("mid.0.conv1.input_scale").values.at(0), 0.01f, 1e-3f);
  EXPECT_EQ(bytes.metadata().at("config"), file_.metadata().at("config"));
  EXPECT_EQ(nlohmann::json::parse(bytes.metadata().at("quantization")).at("kept"), nlohmann::json({"stem", "head"}));

  const HostTensor before = file_.floats("mid.0.conv1.weight"), after = bytes.signedBytes("mid.0.conv1.weight");
  const std::vector<float> scales = bytes.floats("mid.0.conv1.weight_scale").values;
  ASSERT_EQ(scales.size(), before.shape[0]);
  const std::size_t perOutput = before.values.size() / scales.size();
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < before.values.size(); ++i) {
    errors += std::pow(before.values[i] - after.values[i] * scales[i / perOutput], 2);
    squares += std::pow(before.values[i], 2);
  }
  EXPECT_LT(std::sqrt(errors / squares), 0.012);
  for (const QuantizedLayer& layer : result.layers) {
    if (layer.name != "mid.0.conv1") continue;
    EXPECT_NEAR(layer.weightError, std::sqrt(errors / squares), 1e-6);
  }
  std::uint64_t parameters = 0, tensorBytes = 0;
  for (const auto& [name, entry] : file_.tensors()) parameters += file_.floats(name).values.size();
  for (const auto& [name, entry] : bytes.tensors()) tensorBytes += entry.bytes.size();
  EXPECT_EQ(result.parameters, parameters);
  EXPECT_EQ(result.tensorBytes, tensorBytes);
}

TEST_F(QuantizeModel, LoadsAsTheSameNetwork) {
  const QuantizedModel result = quantizeModel(file_, everywhere(file_, 3.0f), {"stem"});
  const auto network = models::Network::load(result.file, "bytes"), before = models::Network::load(original_, "tiny");
  EXPECT_EQ(network->info().parameters, before->info().parameters);
  EXPECT_EQ(network->info().classes, before->info().classes);
  EXPECT_GT(network->info().quantizedLayers, 10u);
  EXPECT_EQ(before->info().quantizedLayers, 0u);
}

TEST_F(QuantizeModel, RefusesWhatCannotBe) {
  test::expectError(
      ErrorCode::InvalidArgument,
      [&] {
        quantizeModel(file_, {}, {"stem", "moon"});
      },
      "tiny", "'moon'");
  const QuantizedModel once = quantizeModel(file_, {}, {});
  const Safetensors bytes = Safetensors::parse(once.file, "once");
  test::expectError(
      ErrorCode::InvalidArgument, [&] { quantizeModel(bytes, {}, {}); }, "once", "already");
}

/// A file that says it is quantised, and is not well.
TEST_F(QuantizeModel, DamagedFilesAreRefused) {
  const QuantizedModel good = quantizeModel(file_, everywhere(file_, 1.0f), {});
  const auto damaged = [&](const std::string& tensor, std::size_t at, std::vector<std::uint8_t> bytes) {
    std::vector<std::byte> file = good.file;
    const Safetensors view = Safetensors::parse(file, "damaged");
    const auto first = static_cast<std::size_t>(view.at(tensor).bytes.data() - file.data()) + at;
    for (std::size_t i = 0; i < bytes.size(); ++i) file[first + i] = static_cast<std::byte>(bytes[i]);
    return file;
  };
  const auto refused = [&](const std::vector<std::byte>& file, const std::string& tensor, const std::string& why) {
    test::expectError(
        ErrorCode::CorruptFile, [&] { models::Network::load(file, "damaged"); }, "damaged", tensor, why);
  };
  refused(damaged("mid.0.conv1.weight", 5, {0x80}), "mid.0.conv1.weight", "-128");
  refused(damaged("mid.0.conv1.weight_scale", 4, {0, 0, 0, 0}), "mid.0.conv1.weight_scale", "positive");
  refused(damaged("mid.0.conv1.input_scale", 0, {0, 0, 0x80, 0xbf}), "mid.0.conv1.input_scale", "positive");
  refused(damaged("mid.0.conv1.input_scale", 0, {0, 0, 0xc0, 0x7f}), "mid.0.conv1.input_scale", "finite");

  std::vector<std::byte> renamed = good.file;  // the scale is somewhere else
  const std::string name = "mid.0.conv1.weight_scale";
  const auto at = std::search(renamed.begin(), renamed.end(), name.begin(), name.end(),
                              [](std::byte a, char b) { return static_cast<char>(a) == b; });
  ASSERT_NE(at, renamed.end());
  *at = std::byte{'n'};
  refused(renamed, "mid.0.conv1.weight_scale", "missing");
}

}  // namespace
}  // namespace rivulet::quantize
