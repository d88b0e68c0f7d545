#include "models/unet2d.h"

#include <gtest/gtest.h>

#include <random>

#include "models/network_runner.h"
#include "models/unet2d_reference.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tensor/safetensors.h"

namespace rivulet {
namespace {

using nlohmann::json;
using test::Evaluation;
using test::relativeL2;

const std::filesystem::path kRecorded = std::filesystem::path(RIVULET_TEST_DATA) / "reference";

/// Timesteps and one-hot classes as conditioning rows.
std::vector<float> conditioningRows(const models::Network& network, const std::vector<double>& k,
                                    const std::vector<std::int64_t>& classes) {
  const models::ConditioningLayout layout = network.conditioning();
  std::vector<float> rows(k.size() * layout.channels, 0.0f);
  for (std::size_t lane = 0; lane < k.size(); ++lane) {
    float* row = &rows[lane * layout.channels];
    row[layout.timestep] = static_cast<float>(k[lane]);
    if (!classes.empty()) row[layout.classWeights + static_cast<std::uint32_t>(classes[lane])] = 1.0f;
  }
  return rows;
}

class UNet2DRecorded : public test::NetworkTest {
 protected:
  void compare(const std::string& name, DataType storage, double tolerance) {
    const auto network = models::Network::load(kRecorded / name);
    const Safetensors io = Safetensors::open(kRecorded / name / "io.safetensors");
    for (int i = 0; io.contains(std::to_string(i) + ".x"); ++i) {
      const std::string prefix = std::to_string(i) + ".";
      const HostTensor x = io.floats(prefix + "x");
      const std::vector<std::int64_t> t = io.integers(prefix + "t");
      const auto classes = io.contains(prefix + "class") ? io.integers(prefix + "class") : std::vector<std::int64_t>{};
      const Evaluation in{x.shape[0], x.shape[2], x.shape[3], x.values,
                          conditioningRows(*network, {t.begin(), t.end()}, classes)};
      const std::vector<float> y = evaluate(*network, storage, in);
      const double error = relativeL2(y, io.floats(prefix + "y").values);
      EXPECT_LE(error, tolerance) << name << " case " << i;
      RecordProperty(name + std::to_string(i), std::to_string(error));
      std::printf("  %s case %d, %ux%ux%u: relative L2 %.2e\n", name.c_str(), i, in.n, in.h, in.w, error);
    }
  }
};

TEST_F(UNet2DRecorded, DdpmFp32) {
  compare("unet_ddpm_small", DataType::F32, 1e-4);
}
TEST_F(UNet2DRecorded, DdpmFp16) {
  compare("unet_ddpm_small", DataType::F16, 1e-2);
}
TEST_F(UNet2DRecorded, ClassConditionalFp32) {
  compare("unet_class_cond", DataType::F32, 1e-4);
}
TEST_F(UNet2DRecorded, ClassConditionalFp16) {
  compare("unet_class_cond", DataType::F16, 1e-2);
}

/// The loops the other tests rely on agree with what was recorded.
TEST(UNet2DReference, MatchesTheRecordings) {
  for (const char* name : {"unet_ddpm_small", "unet_class_cond"}) {
    std::ifstream stream(kRecorded / name / "config.json");
    const json config = json::parse(stream);
    const Safetensors weights = Safetensors::open(kRecorded / name / "diffusion_pytorch_model.safetensors");
    const Safetensors io = Safetensors::open(kRecorded / name / "io.safetensors");
    const HostTensor x = io.floats("0.x");
    test::Map map(x.shape[1], x.shape[2], x.shape[3]);
    map.v.assign(x.values.begin(), x.values.end());
    test::Vector classes;
    if (io.contains("0.class")) {
      classes.resize(config["num_class_embeds"].get<std::size_t>());
      classes[static_cast<std::size_t>(io.integers("0.class")[0])] = 1;
    }
    test::UNet2DReference reference(config, test::fromFile(weights));
    const test::Map y = reference(map, static_cast<double>(io.integers("0.t")[0]), classes);
    EXPECT_LE(relativeL2(y.v, io.floats("0.y").values), 1e-5) << name;
  }
}

/// One network that the recordings do not cover: a change of the tiny configuration, and of how its weights are stored.
struct Variant {
  std::string name;
  json change = json::object();
  std::string dtype = "F32";
  std::string file = "diffusion_pytorch_model.safetensors";
  enum class Names { Today, Deprecated, DeprecatedConv } names = Names::Today;
};

void PrintTo(const Variant& variant, std::ostream* out) {
  *out << variant.name;
}

class UNet2DVariant : public test::NetworkTest, public ::testing::WithParamInterface<Variant> {};

/// to_q → query and so on; with `conv`, stored as 1×1 convolutions.
void renameAttention(std::map<std::string, HostTensor>& tensors, bool conv) {
  std::map<std::string, HostTensor> renamed;
  for (const auto& entry : tensors) {
    std::string name = entry.first;
    HostTensor tensor = entry.second;
    for (const auto& [from, to] : {std::pair<std::string, std::string>{".to_q.", ".query."},
                                   {".to_k.", ".key."},
                                   {".to_v.", ".value."},
                                   {".to_out.0.", ".proj_attn."}}) {
      const std::size_t at = name.find(from);
      if (at == std::string::npos) continue;
      name.replace(at, from.size(), to);
      if (conv && tensor.shape.size() == 2) tensor.shape.insert(tensor.shape.end(), {1, 1});
    }
    renamed.emplace(name, tensor);
  }
  tensors = std::move(renamed);
}

TEST_P(UNet2DVariant, MatchesTheReference) {
  const Variant& variant = GetParam();
  json config = test::tinyUNet2D();
  if (!variant.change.empty()) {
    ASSERT_TRUE(variant.change.is_object()) << variant.change;
    config.update(variant.change);
    ASSERT_NE(config, test::tinyUNet2D());
  }
  test::RandomWeights weights(11, variant.dtype);
  test::UNet2DReference reference(config, weights.source());

  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto channels = config["in_channels"].get<std::uint32_t>();
  Evaluation in{2, 16, 24, {}, {}};
  for (std::size_t i = 0; i < std::size_t{in.n} * channels * in.h * in.w; ++i) in.x.push_back(normal(random));
  const std::vector<double> k{3, 871.5};
  std::vector<std::int64_t> classes;
  const std::size_t classCount =
      config["num_class_embeds"].is_null() ? 0 : config["num_class_embeds"].get<std::size_t>();
  if (classCount != 0) classes = {1, 0};

  test::Vector expected;
  for (std::uint32_t lane = 0; lane < in.n; ++lane) {
    test::Vector weightsOfClasses(classCount);
    if (classCount != 0) weightsOfClasses[static_cast<std::size_t>(classes[lane])] = 1;
    const test::Map y = reference(laneOf(in, lane), k[lane], weightsOfClasses);
    expected.insert(expected.end(), y.v.begin(), y.v.end());
  }
  const std::size_t parameters = weights.parameters();
  if (variant.names != Variant::Names::Today) {
    renameAttention(weights.tensors(), variant.names == Variant::Names::DeprecatedConv);
  }
  const test::TemporaryFolder folder;
  folder.write("config.json", config.dump());
  folder.write(variant.file, weights.writer().bytes());

  const auto network = models::Network::load(folder.path());
  EXPECT_EQ(network->info().parameters, parameters);
  EXPECT_EQ(network->info().outChannels, config["out_channels"].get<std::uint32_t>());
  EXPECT_EQ(network->info().classes.size(), classCount);
  in.conditioning = conditioningRows(*network, k, classes);
  EXPECT_LE(relativeL2(evaluate(*network, DataType::F32, in), expected), 1e-4);
  EXPECT_LE(relativeL2(evaluate(*network, DataType::F16, in), expected), 1e-2);
}

INSTANTIATE_TEST_SUITE_P(
    All, UNet2DVariant,
    ::testing::Values(
        Variant{"Plain", {}}, Variant{"ScaleShift", {{"resnet_time_scale_shift", "scale_shift"}}},
        Variant{"ScaleShiftWithMidNorm", {{"resnet_time_scale_shift", "scale_shift"}, {"attn_norm_num_groups", 2}}},
        Variant{"MidNormOfItsOwn", {{"attn_norm_num_groups", 8}}},
        Variant{"OneHead", {{"attention_head_dim", nullptr}}},
        Variant{"HeadsThatDoNotDivide", {{"attention_head_dim", 6}}},
        Variant{"AttentionEverywhere",
                {{"down_block_types", {"AttnDownBlock2D", "AttnDownBlock2D", "DownBlock2D"}},
                 {"up_block_types", {"UpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D"}},
                 {"block_out_channels", {8, 12, 16}}}},
        Variant{"NoMidAttention", {{"add_attention", false}}}, Variant{"NoMidBlock", {{"mid_block_type", nullptr}}},
        Variant{"MidScale", {{"mid_block_scale_factor", 1.41421356}}}, Variant{"PadAfter", {{"downsample_padding", 0}}},
        Variant{"ResnetSamplers",
                {{"downsample_type", "resnet"},
                 {"upsample_type", "resnet"},
                 {"down_block_types", {"AttnDownBlock2D", "DownBlock2D"}},
                 {"up_block_types", {"AttnUpBlock2D", "UpBlock2D"}}}},
        Variant{"ResnetBlocks",
                {{"down_block_types", {"ResnetDownsampleBlock2D", "DownBlock2D"}},
                 {"up_block_types", {"ResnetUpsampleBlock2D", "UpBlock2D"}},
                 {"resnet_time_scale_shift", "scale_shift"}}},
        Variant{"ThreeLayers", {{"layers_per_block", 3}}},
        Variant{
            "OneLevel",
            {{"down_block_types", {"DownBlock2D"}}, {"up_block_types", {"UpBlock2D"}}, {"block_out_channels", {8}}}},
        Variant{"OddChannels", {{"block_out_channels", {6, 10}}, {"norm_num_groups", 2}, {"in_channels", 1}}},
        Variant{"Centred", {{"center_input_sample", true}}},
        Variant{"SineFirst", {{"flip_sin_to_cos", false}, {"freq_shift", 1}}},
        Variant{"TimeEmbeddingDim", {{"time_embedding_dim", 20}}}, Variant{"LearnedVariance", {{"out_channels", 6}}},
        Variant{"Classes", {{"num_class_embeds", 3}}}, Variant{"Epsilon", {{"norm_eps", 1e-2}}},
        Variant{"HalfFile", {}, "F16", "diffusion_pytorch_model.fp16.safetensors"},
        Variant{"DeprecatedNames", {}, "F32", "diffusion_pytorch_model.safetensors", Variant::Names::Deprecated},
        Variant{"DeprecatedConvs", {}, "F32", "diffusion_pytorch_model.safetensors", Variant::Names::DeprecatedConv}),
    [](const auto& variant) { return variant.param.name; });

TEST_F(UNet2DRecorded, RefusesSizesThatCannotBe) {
  const auto network = models::Network::load(kRecorded / "unet_ddpm_small");
  EXPECT_EQ(network->info().sizeMultiple, 4u);
  Evaluation in{1, 32, 30, std::vector<float>(3 * 32 * 30), conditioningRows(*network, {1}, {})};
  test::expectError(ErrorCode::InvalidArgument, {"unet_ddpm_small", "30x32", "multiple of 4"},
                    [&] { evaluate(*network, DataType::F32, in); });
}

}  // namespace
}  // namespace rivulet
