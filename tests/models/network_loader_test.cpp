#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "core/log.h"
#include "models/network.h"
#include "models/texture_unet_reference.h"
#include "models/unet2d_reference.h"
#include "models/weight_reader.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace rivulet {
namespace {

using models::Network;
using nlohmann::json;
using test::expectError;

constexpr const char* kWeights = "diffusion_pytorch_model.safetensors";

/// A UNet2DModel folder, complete and right; tests break it.
class UNet2DFolder : public ::testing::Test {
 protected:
  UNet2DFolder() {
    test::UNet2DReference reference(config_, weights_.source());
    reference(test::Map(3, 8, 8), 1);
  }
  void write(const std::string& prefix = "") {
    folder_.write(prefix + "config.json", config_.dump());
    folder_.write(prefix + kWeights, weights_.writer().bytes());
  }
  auto load() { return Network::load(folder_.path()); }
  /// Expects loading to fail, and the message to name `words`.
  void expectRefused(ErrorCode code, std::initializer_list<std::string> words) {
    expectError(code, words, [&] { load(); });
  }
  /// With one key of config.json changed.
  void expectConfigRefused(ErrorCode code, const char* key, const json& value,
                           std::initializer_list<std::string> words) {
    SCOPED_TRACE(std::string(key) + " = " + value.dump());
    json config = config_;
    config[key] = value;
    folder_.write("config.json", config.dump());
    expectRefused(code, words);
  }

  json config_ = test::tinyUNet2D();
  test::RandomWeights weights_{3};
  test::TemporaryFolder folder_;
};

TEST_F(UNet2DFolder, Loads) {
  write();
  const auto network = load();
  EXPECT_EQ(network->info().architecture, "unet2d");
  EXPECT_EQ(network->info().name, folder_.path().filename());
  EXPECT_EQ(network->info().inChannels, 3u);
  EXPECT_EQ(network->info().sizeMultiple, 2u);
  EXPECT_EQ(network->info().nativeSize, 8u);
  EXPECT_TRUE(network->info().classes.empty());
  EXPECT_FALSE(network->info().nullClass);
  EXPECT_EQ(network->info().parameters, weights_.parameters());
  EXPECT_EQ(network->conditioning().channels, 3u);
  EXPECT_EQ(network->info().scheduler.sampler, "ddpm");
  // However the path is spelt.
  EXPECT_EQ(Network::load(folder_.path() / "")->info().name, folder_.path().filename());
  EXPECT_EQ(Network::load(folder_.path() / ".")->info().name, folder_.path().filename());
}

TEST_F(UNet2DFolder, SampleSizeMayBeAPairOrMissing) {
  config_["sample_size"] = {16, 24};
  write();
  EXPECT_EQ(load()->info().nativeSize, 24u);
  config_["sample_size"] = nullptr;
  write();
  EXPECT_EQ(load()->info().nativeSize, 64u);
}

TEST_F(UNet2DFolder, ReadsTheSchedulerBesideIt) {
  write();
  folder_.write("scheduler_config.json", R"({"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"})");
  EXPECT_EQ(load()->info().scheduler.sampler, "ddim");
  EXPECT_EQ(load()->info().scheduler.process.kind, ProcessKind::VpScaledLinear);
  folder_.write("scheduler_config.json", R"({"_class_name": "NoSuchScheduler"})");
  expectRefused(ErrorCode::Unsupported, {"scheduler_config.json", "NoSuchScheduler"});
  folder_.write("scheduler_config.json", "{");
  expectRefused(ErrorCode::CorruptFile, {"scheduler_config.json"});
}

TEST_F(UNet2DFolder, LearnedVarianceIsExpectedWithTwiceTheChannels) {
  config_["out_channels"] = 6;
  test::UNet2DReference reference(config_, weights_.source());
  weights_.tensors().erase("conv_out.weight");
  weights_.tensors().erase("conv_out.bias");
  reference(test::Map(3, 8, 8), 1);
  write();
  EXPECT_EQ(load()->info().outChannels, 6u);
  EXPECT_EQ(load()->info().scheduler.variance, VarianceType::LearnedRange);
}

TEST_F(UNet2DFolder, LoadsAsAPipeline) {
  const char* index = R"({"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDIMScheduler"],
                          "unet": ["diffusers", "UNet2DModel"]})";
  folder_.write("model_index.json", index);
  expectRefused(ErrorCode::Io, {"no config.json in it or in its unet folder", "model_index.json, unet/, scheduler/"});
  write("unet/");
  folder_.write("scheduler/scheduler_config.json", R"({"_class_name": "DDIMScheduler"})");
  EXPECT_EQ(load()->info().parameters, weights_.parameters());
  EXPECT_EQ(load()->info().name, folder_.path().filename());
  EXPECT_EQ(load()->info().scheduler.sampler, "ddim");
  EXPECT_EQ(Network::load(folder_ / "unet")->info().scheduler.sampler, "ddim");

  // The oldest pipelines have everything in one folder.
  std::filesystem::remove_all(folder_ / "unet");
  std::filesystem::remove_all(folder_ / "scheduler");
  write();
  folder_.write("scheduler_config.json", R"({"_class_name": "PNDMScheduler"})");
  folder_.write("scheduler_config.json", R"({"_class_name": "DDIMScheduler"})");
  EXPECT_EQ(load()->info().scheduler.sampler, "ddim");

  folder_.write("model_index.json",
                R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]})");
  expectRefused(ErrorCode::Unsupported, {"model_index.json", "'StableDiffusionPipeline'", "UNet2DModel"});
  folder_.write("model_index.json", R"({"_class_name": "Odd", "unet": [null, null]})");
  expectRefused(ErrorCode::CorruptFile, {"model_index.json", "'unet'", "array of strings"});
}

TEST_F(UNet2DFolder, PrefersFullPrecision) {
  write();
  folder_.write("diffusion_pytorch_model.fp16.safetensors", std::string_view("not looked at"));
  EXPECT_EQ(load()->info().parameters, weights_.parameters());
}

TEST_F(UNet2DFolder, NeedsItsFiles) {
  expectError(ErrorCode::Io, {"nowhere", "no such file or folder"}, [&] { Network::load(folder_ / "nowhere"); });
  expectRefused(ErrorCode::Io, {"no config.json", "UNet2DModel folder"});
  folder_.write("config.json", config_.dump());
  expectRefused(ErrorCode::Io, {"no weights", kWeights, "fp16"});
  folder_.write("diffusion_pytorch_model.bin", std::string_view("PK\x03\x04", 4));
  expectRefused(ErrorCode::Unsupported,
                {"diffusion_pytorch_model.bin", "pickle", "python3 -c", "'diffusion_pytorch_model.safetensors'"});
  std::filesystem::remove(folder_ / "diffusion_pytorch_model.bin");
  folder_.write("diffusion_pytorch_model.safetensors.index.json", std::string_view("{}"));
  expectRefused(ErrorCode::Unsupported, {"index.json", "several files"});
}

TEST_F(UNet2DFolder, RefusesTensorsThatDoNotFit) {
  folder_.write("config.json", config_.dump());
  const auto refused = [&](const auto& change, std::initializer_list<std::string> words) {
    test::RandomWeights weights = weights_;
    change(weights.tensors());
    folder_.write(kWeights, weights.writer().bytes());
    expectRefused(ErrorCode::CorruptFile, words);
  };
  using Tensors = std::map<std::string, HostTensor>;
  refused([](Tensors& t) { t.erase("mid_block.attentions.0.to_k.bias"); },
          {kWeights, "'mid_block.attentions.0.to_k.bias'", "missing", "[16]"});
  refused([](Tensors& t) { t.erase("down_blocks.0.resnets.0.conv1.weight"); },
          {"'down_blocks.0.resnets.0.conv1.weight'", "missing", "[8,8,3,3]"});
  refused(
      [](Tensors& t) {
        t["extra.weight"] = {{2}, {1, 2}};
      },
      {kWeights, "'extra.weight'", "not part of the network"});
  refused(
      [](Tensors& t) {
        for (char c = 'a'; c < 'k'; ++c) t[std::string("x") + c] = {{1}, {1}};
      },
      {"'xa', 'xb', 'xc', 'xd', 'xe' and 5 more"});
  refused([](Tensors& t) { std::swap(t["conv_in.weight"].shape[0], t["conv_in.weight"].shape[1]); },
          {"'conv_in.weight'", "[3,8,3,3]", "expected [8,3,3,3]"});
  refused([](Tensors& t) { t["conv_out.bias"].shape = {3, 1}; }, {"'conv_out.bias'", "[3,1]", "expected [3]"});
  refused([](Tensors& t) { t["conv_in.bias"].values[2] = std::numeric_limits<float>::quiet_NaN(); },
          {"'conv_in.bias'", "value 2", "finite"});
  // Half of the attention in the old names.
  refused(
      [](Tensors& t) {
        auto node = t.extract("mid_block.attentions.0.to_q.weight");
        node.key() = "mid_block.attentions.0.query.weight";
        t.insert(std::move(node));
      },
      {"'mid_block.attentions.0.query.bias'", "missing"});
  test::SafetensorsWriter integers = weights_.writer();
  integers.addBytes("conv_in.bias", {8}, "I32", std::vector<std::byte>(32));
  folder_.write(kWeights, integers.bytes());
  expectRefused(ErrorCode::CorruptFile, {"'conv_in.bias'", "I32", "expected F32"});
  std::vector<std::byte> bytes = weights_.writer().bytes();
  bytes.resize(bytes.size() / 2);
  folder_.write(kWeights, bytes);
  expectRefused(ErrorCode::CorruptFile, {kWeights, "truncated"});
}

TEST_F(UNet2DFolder, RefusesOptionsItDoesNotHave) {
  write();
  constexpr ErrorCode kNo = ErrorCode::Unsupported;
  expectConfigRefused(kNo, "_class_name", "UNet2DConditionModel", {"config.json", "'_class_name'", "UNet2DModel"});
  expectConfigRefused(kNo, "act_fn", "mish", {"'act_fn'", "\"mish\"", "\"silu\""});
  expectConfigRefused(kNo, "time_embedding_type", "fourier", {"'time_embedding_type'", "\"positional\""});
  expectConfigRefused(kNo, "time_embedding_type", "learned", {"'time_embedding_type'", "\"positional\""});
  expectConfigRefused(kNo, "class_embed_type", "timestep", {"'class_embed_type'", "num_class_embeds"});
  expectConfigRefused(kNo, "class_embed_type", "identity", {"'class_embed_type'"});
  expectConfigRefused(kNo, "resnet_time_scale_shift", "spatial", {"'resnet_time_scale_shift'", "\"scale_shift\""});
  expectConfigRefused(kNo, "mid_block_type", "UNetMidBlock2DCrossAttn", {"'mid_block_type'", "UNetMidBlock2D"});
  expectConfigRefused(kNo, "downsample_type", "fir", {"'downsample_type'", "\"conv\" and \"resnet\""});
  expectConfigRefused(kNo, "norm_num_groups", nullptr, {"'norm_num_groups'"});
  expectConfigRefused(kNo, "down_block_types", {"DownBlock2D", "AttnSkipDownBlock2D"},
                      {"'down_block_types'", "unknown block type 'AttnSkipDownBlock2D'", "expected DownBlock2D"});
  expectConfigRefused(kNo, "up_block_types", {"SkipUpBlock2D", "UpBlock2D"},
                      {"'up_block_types'", "unknown block type 'SkipUpBlock2D'", "AttnUpBlock2D"});
}

TEST_F(UNet2DFolder, RefusesValuesThatCannotBe) {
  write();
  constexpr ErrorCode kBad = ErrorCode::CorruptFile;
  expectConfigRefused(kBad, "in_channels", 0, {"config.json", "'in_channels'", "0, expected", "1 to 16384"});
  expectConfigRefused(kBad, "in_channels", -3, {"'in_channels'", "-3"});
  expectConfigRefused(kBad, "out_channels", 1e18, {"'out_channels'"});
  expectConfigRefused(kBad, "out_channels", "3", {"'out_channels'", "\"3\""});
  expectConfigRefused(kBad, "block_out_channels", json::array(), {"'block_out_channels'", "1 to 10 numbers"});
  expectConfigRefused(kBad, "block_out_channels", {8, 1000000}, {"'block_out_channels'", "1 to 16384"});
  expectConfigRefused(kBad, "block_out_channels", {7, 16}, {"'block_out_channels'", "even"});
  expectConfigRefused(kBad, "block_out_channels", {8, 16, 32}, {"'down_block_types'", "3 block types"});
  expectConfigRefused(kBad, "block_out_channels", nullptr, {"'block_out_channels'", "missing"});
  expectConfigRefused(kBad, "up_block_types", {"UpBlock2D"}, {"'up_block_types'", "2 block types"});
  expectConfigRefused(kBad, "up_block_types", {1, 2}, {"'up_block_types'", "array of strings"});
  expectConfigRefused(kBad, "layers_per_block", 0, {"'layers_per_block'", "1 to 64"});
  expectConfigRefused(kBad, "layers_per_block", 1.5, {"'layers_per_block'", "1.5"});
  expectConfigRefused(kBad, "downsample_padding", 2, {"'downsample_padding'", "0 to 1"});
  expectConfigRefused(kBad, "norm_num_groups", 0, {"'norm_num_groups'"});
  expectConfigRefused(kBad, "norm_num_groups", 3, {"'norm_num_groups'", "3 groups", "8 channels", "norm1"});
  expectConfigRefused(kBad, "attn_norm_num_groups", 5, {"'attn_norm_num_groups'", "5 groups", "16 channels"});
  expectConfigRefused(kBad, "attention_head_dim", 0, {"'attention_head_dim'"});
  expectConfigRefused(kBad, "attention_head_dim", 17, {"'attention_head_dim'", "17", "at most the 16 channels"});
  expectConfigRefused(kBad, "norm_eps", -1, {"'norm_eps'", "0"});
  expectConfigRefused(kBad, "norm_eps", "small", {"'norm_eps'", "number"});
  expectConfigRefused(kBad, "mid_block_scale_factor", 0, {"'mid_block_scale_factor'"});
  expectConfigRefused(kBad, "freq_shift", 4, {"'freq_shift'", "half"});
  expectConfigRefused(kBad, "add_attention", "yes", {"'add_attention'", "true or false"});
  expectConfigRefused(kBad, "num_class_embeds", 0, {"'num_class_embeds'"});
  expectConfigRefused(kBad, "num_class_embeds", 5, {"'class_embedding.weight'", "missing", "[5,32]"});
  expectConfigRefused(kBad, "block_out_channels", {16384, 16384},
                      {"'time_embedding.linear_1.weight'", "expected [65536,16384]"});
  folder_.write("config.json", std::string_view("{\"in_channels\": 3"));
  expectRefused(kBad, {"config.json", "not valid JSON"});
  folder_.write("config.json", std::string_view("[]"));
  expectRefused(kBad, {"config.json", "expected a JSON object"});
  folder_.write("config.json", "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}");
  expectRefused(kBad, {"config.json", "levels deep"});
  folder_.write("config.json", std::string(2 << 20, ' '));
  expectRefused(kBad, {"config.json", "at most"});
}

TEST_F(UNet2DFolder, IgnoresWhatDiffusersIgnoresAndSaysSo) {
  config_["a_fork_s_option"] = 3;
  config_["_name_or_path"] = "somewhere";
  config_["dropout"] = 0.1;
  write();
  std::string messages;
  setLogSink([&](LogLevel, std::string_view message) { messages += std::string(message) + "\n"; });
  load();
  setLogSink({});
  EXPECT_NE(messages.find("'a_fork_s_option' is unknown and ignored"), std::string::npos) << messages;
  EXPECT_EQ(std::count(messages.begin(), messages.end(), '\n'), 1) << messages;
}

TEST(WeightReader, RefusesShapesThatAreAbsurd) {
  test::SafetensorsWriter writer;
  writer.add("w", {1}, std::array{1.0f});
  const std::vector<std::byte> bytes = writer.bytes();
  const Safetensors file = Safetensors::parse(bytes, "file");
  models::WeightReader reader(file);
  expectError(ErrorCode::CorruptFile, {"'w'", "[65536,65536]", "absurd"}, [&] { reader.take("w", {65536, 65536}); });
  expectError(ErrorCode::CorruptFile, {"'w'", "[4294967295,4294967295,4294967295]", "absurd"}, [&] {
    reader.take("w", {UINT32_MAX, UINT32_MAX, UINT32_MAX});
  });
  expectError(ErrorCode::CorruptFile, {"'w'", "[3,0]", "absurd"}, [&] { reader.take("w", {3, 0}); });
  reader.take("w", {1});
  expectError(ErrorCode::Internal, {"'w'", "used twice"}, [&] { reader.take("w", {1}); });
  reader.finish();
}

/// One of our own files, complete and right; tests break it.
class OwnFile : public ::testing::Test {
 protected:
  OwnFile() {
    test::TextureUNetReference reference(config_, weights_.source());
    test::TextureUNetInputs in;
    in.x = test::Map(3, 8, 8);
    in.classes.assign(4, 0);
    in.style.assign(10, 0);
    reference(in);
    metadata_ = {{"format", "rivulet-1"}};
  }
  auto load() {
    test::SafetensorsWriter writer = weights_.writer();
    for (const auto& [key, value] : metadata_) writer.metadata(key, value);
    if (!config_.is_null()) writer.metadata("config", config_.dump());
    return Network::load(folder_.write("own.safetensors", writer.bytes()));
  }
  void expectRefused(ErrorCode code, std::initializer_list<std::string> words) {
    expectError(code, words, [&] { load(); });
  }
  void expectConfigRefused(ErrorCode code, const char* key, const json& value,
                           std::initializer_list<std::string> words) {
    SCOPED_TRACE(std::string(key) + " = " + value.dump());
    const json before = config_;
    config_[key] = value;
    expectRefused(code, words);
    config_ = before;
  }

  json config_ = test::tinyTextureUNet();
  std::map<std::string, std::string> metadata_;
  test::RandomWeights weights_{4};
  test::TemporaryFolder folder_;
};

TEST_F(OwnFile, Loads) {
  const json vector = std::vector<double>(10, 0.25);
  metadata_["styles"] = json{{"brick", {vector, vector}}, {"sand", json::array()}}.dump();
  const auto network = load();
  EXPECT_EQ(network->info().architecture, "texture_unet");
  EXPECT_EQ(network->info().name, "own");
  EXPECT_EQ(network->info().classes, (std::vector<std::string>{"brick", "moss", "sand"}));
  EXPECT_TRUE(network->info().nullClass);
  EXPECT_EQ(network->info().styleDim, 10u);
  EXPECT_EQ(network->info().whitening.floor, 0.0f);
  EXPECT_EQ(network->info().sizeMultiple, 8u);
  EXPECT_EQ(network->info().nativeSize, 64u);
  EXPECT_EQ(network->info().parameters, weights_.parameters());
  EXPECT_TRUE(network->info().scheduler.process.isFlow());
  EXPECT_EQ(network->info().scheduler.prediction, Prediction::Sample);
  ASSERT_EQ(network->info().styles.size(), 3u);
  EXPECT_EQ(network->info().styles[0], std::vector(2, std::vector<float>(10, 0.25f)));
  EXPECT_TRUE(network->info().styles[1].empty());
  const models::ConditioningLayout layout = network->conditioning();
  EXPECT_EQ(layout.style, 3u);
  EXPECT_EQ(layout.classWeights, 13u);
  EXPECT_EQ(layout.channels, 17u);
}

TEST_F(OwnFile, SaysWhetherItsStateIsWhitened) {
  config_["whitening_floor"] = 0.03;
  EXPECT_FLOAT_EQ(load()->info().whitening.floor, 0.03f);
  EXPECT_EQ(load()->info().whitening.chroma, 0.0f);
  config_["whitening_chroma"] = 3.0;
  EXPECT_FLOAT_EQ(load()->info().whitening.chroma, 3.0f);
  expectConfigRefused(ErrorCode::CorruptFile, "whitening_chroma", -3, {"'whitening_chroma'", "0.0 to 100.0"});
  expectConfigRefused(ErrorCode::CorruptFile, "whitening_floor", -0.5, {"'whitening_floor'", "0.0 to 1.0"});
  expectConfigRefused(ErrorCode::Unsupported, "in_channels", 4, {"'whitening_floor'", "three channels"});
}

TEST_F(OwnFile, NeedsItsConfiguration) {
  config_ = nullptr;
  expectRefused(ErrorCode::CorruptFile, {"own.safetensors", "'config'", "loaded by its folder"});
  folder_.write("config.json", std::string_view("{}"));
  expectRefused(ErrorCode::CorruptFile, {"own.safetensors", "name the folder instead"});
  config_ = {{"architecture", "transformer"}};
  expectRefused(ErrorCode::Unsupported, {"own.safetensors", "'architecture'", "\"transformer\"", "\"texture_unet\""});
  config_ = {{"in_channels", 3}};
  expectRefused(ErrorCode::CorruptFile, {"'architecture'", "missing"});
}

TEST_F(OwnFile, RefusesValuesThatCannotBe) {
  constexpr ErrorCode kBad = ErrorCode::CorruptFile;
  expectConfigRefused(kBad, "widths", {8, 12}, {"own.safetensors", "'widths'", "three numbers"});
  expectConfigRefused(kBad, "widths", {8, 12, 0}, {"'widths'", "1 to 16384"});
  expectConfigRefused(kBad, "in_channels", nullptr, {"'in_channels'", "missing"});
  expectConfigRefused(kBad, "blocks_per_level", 1000, {"'blocks_per_level'"});
  expectConfigRefused(kBad, "classes", {"a", "b", "a"}, {"'classes'", "names that differ"});
  expectConfigRefused(kBad, "classes", 3, {"'classes'", "array of strings"});
  expectConfigRefused(kBad, "classes", {"a"}, {"'emb.class'", "[4,16]", "expected [2,16]"});
  expectConfigRefused(ErrorCode::Unsupported, "style_dim", 7, {"'style_dim'", "0 and 10"});
  expectConfigRefused(kBad, "target_time", 1, {"'target_time'", "true or false"});
  expectConfigRefused(kBad, "target_time", true, {"'emb.in.weight'", "[16,22]", "expected [16,34]"});
  expectConfigRefused(kBad, "blocks_per_level", 1, {"'down.0.1.", "not part of the network"});
  expectConfigRefused(kBad, "blocks_per_level", 3, {"'down.0.2.norm1'", "missing"});
  expectConfigRefused(kBad, "widths", {16384, 16384, 16384}, {"own.safetensors", "'stem.weight'"});
  for (const char* key : {"prediction", "schedule"}) {
    for (const json& value : {json("nonsense"), json(nullptr), json{{"kind", "nonsense"}}}) {
      SCOPED_TRACE(key + value.dump());
      const json before = config_;
      config_[key] = value;
      EXPECT_THROW(load(), Error);
      config_ = before;
    }
  }
}

TEST_F(OwnFile, RefusesTensorsThatDoNotFit) {
  const auto refused = [&](const auto& change, std::initializer_list<std::string> words) {
    const auto before = weights_.tensors();
    change(weights_.tensors());
    expectRefused(ErrorCode::CorruptFile, words);
    weights_.tensors() = before;
  };
  using Tensors = std::map<std::string, HostTensor>;
  refused([](Tensors& t) { t.erase("mid.1.mod.weight"); }, {"'mid.1.mod.weight'", "missing", "[32,16]"});
  refused([](Tensors& t) { t["mid.9.norm1"] = {{1}, {1}}; }, {"'mid.9.norm1'", "not part of the network"});
  refused(
      [](Tensors& t) {
        t["down.0.0.shortcut.bias"] = {{8}, std::vector<float>(8)};
      },
      {"'down.0.0.shortcut.bias'", "not part of the network"});
  refused([](Tensors& t) { t["style_norm.std"].values[3] = 0; }, {"'style_norm.std'", "value 3", "positive"});
}

TEST_F(OwnFile, RefusesStylesThatAreNot) {
  for (const char* styles : {"{", "[]", R"({"brick": 1})", R"({"brick": [1]})", R"({"brick": [[1,2]]})",
                             R"({"brick": [[1,2,3,4,5,6,7,8,9,"x"]]})", R"({"brick": [[1,2,3,4,5,6,7,8,9,1e300]]})"}) {
    SCOPED_TRACE(styles);
    metadata_["styles"] = styles;
    expectRefused(ErrorCode::CorruptFile, {"own.safetensors", "'styles'"});
  }
}

}  // namespace
}  // namespace rivulet
