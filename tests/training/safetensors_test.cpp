// The files: header, alignment, contents and errors.
#include "training/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "scratch.h"
#include "training/export.h"
#include "training/tile_source.h"

namespace rivulet::training {
namespace {

nlohmann::json headerOf(const std::filesystem::path& path, std::uint64_t* length, std::string* bytes) {
  std::ifstream in(path, std::ios::binary);
  bytes->assign(std::istreambuf_iterator<char>(in), {});
  std::memcpy(length, bytes->data(), 8);
  return nlohmann::json::parse(bytes->substr(8, *length));
}

TEST(Safetensors, WritesTheFormat) {
  const Scratch scratch;
  Safetensors file;
  file.metadata = {{"note", "a \"quoted\" word"}};
  file.tensors = {{"one", at::arange(6, at::kFloat).view({2, 3})},
                  {"two", at::tensor(std::vector<int64_t>{-1, 7}).to(at::kInt)},
                  {"half", at::ones({3}).to(at::kHalf)}};
  const auto path = scratch.path() / "x.safetensors";
  writeSafetensors(path, file);
  std::uint64_t length = 0;
  std::string bytes;
  const auto header = headerOf(path, &length, &bytes);
  EXPECT_EQ((8 + length) % 8, 0u);
  EXPECT_EQ(header["__metadata__"]["note"], "a \"quoted\" word");
  EXPECT_EQ(header["one"], (nlohmann::json{{"dtype", "F32"}, {"shape", {2, 3}}, {"data_offsets", {0, 24}}}));
  EXPECT_EQ(header["two"]["dtype"], "I32");
  EXPECT_EQ(header["half"]["dtype"], "F16");
  EXPECT_EQ(header["half"]["data_offsets"], (nlohmann::json{32, 38}));
  EXPECT_EQ(bytes.size(), 8 + length + 38);
  float value = 0;
  std::memcpy(&value, bytes.data() + 8 + length + 5 * 4, 4);
  EXPECT_EQ(value, 5.0f);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "x.safetensors.tmp"));
  const Safetensors again = readSafetensors(path);
  for (const auto& [name, tensor] : file.tensors) EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
}

TEST(Safetensors, WritesATensorOfAnyLayoutByRows) {
  const Scratch scratch;
  const at::Tensor tensor = at::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  writeSafetensors(scratch.path() / "x", {{{"t", tensor}}, {}});
  EXPECT_TRUE(at::equal(readSafetensors(scratch.path() / "x").at("t"), tensor));
}

TEST(Safetensors, SaysWhatIsWrong) {
  const Scratch scratch;
  const auto path = scratch.path() / "x.safetensors";
  EXPECT_NE(errorOf([&] { readSafetensors(path); }).find("cannot open"), std::string::npos);
  std::ofstream(path) << "abc";
  EXPECT_NE(errorOf([&] { readSafetensors(path); }).find("cut short"), std::string::npos);
  writeSafetensors(path, {{{"t", at::zeros({8})}}, {}});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_NE(errorOf([&] { readSafetensors(path); }).find("does not fit"), std::string::npos);
  EXPECT_NE(errorOf([&] { writeSafetensors(scratch.path() / "no" / "x", {}); }).find("cannot write"),
            std::string::npos);
}

TEST(Export, WritesTheContractsMetadata) {
  const Scratch scratch;
  const Dataset dataset(smallData(scratch));
  TextureUnetConfig config = TextureUnetConfig::named("texture_unet-m");
  config.classes = dataset.classes();
  TextureUnet network(config, at::kCPU, false);
  network.initialise(1, dataset.styleMean(), dataset.styleStd());
  const auto path = scratch.path() / "m.safetensors";
  exportWeights(path, network, TileSource(smallData(scratch), {}).stylesJson(), {{"steps", 3}}, at::kHalf);
  const Safetensors file = readSafetensors(path);
  EXPECT_EQ(file.note("format"), "rivulet-1");
  const auto written = nlohmann::json::parse(file.note("config"));
  EXPECT_EQ(written["architecture"], "texture_unet");
  EXPECT_EQ(written["widths"], (nlohmann::json{64, 128, 192}));
  EXPECT_EQ(written["classes"], (nlohmann::json{"brick", "rock"}));
  EXPECT_EQ(written["prediction"], "sample");
  EXPECT_EQ(written["schedule"]["kind"], "flow");
  const auto styles = nlohmann::json::parse(file.note("styles"));
  ASSERT_EQ(styles["rock"].size(), 3u);
  ASSERT_EQ(styles["rock"][0].size(), static_cast<std::size_t>(kStyleSize));
  EXPECT_NEAR(styles["rock"][0][0].get<double>(), dataset.tiles()[3].style[0], 1e-4);
  EXPECT_EQ(file.at("stem.weight").scalar_type(), at::kHalf);
  EXPECT_EQ(file.at("style_norm.std").sizes(), (std::vector<int64_t>{kStyleSize}));
  EXPECT_EQ(file.tensors.size(), network.parameters().entries().size() + 2);
}

}  // namespace
}  // namespace rivulet::training
