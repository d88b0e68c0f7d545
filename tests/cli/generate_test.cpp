// rivulet generate: the files it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_cli.h"
#include "image/image_io.h"
#include "support/scoped_environment.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::test {
namespace {

namespace fs = std::filesystem;

class CliGenerate : public testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = TinyTextureUNet().write(cliFolder(), "generate.safetensors"); }

  /// Runs with --json and reads it.
  nlohmann::json generate(const std::string& arguments) const {
    const CliResult result =
        runCli("generate --json --precision fp32 --model " + quoted(model_) + " --steps 2 " + arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out, nullptr, false);
  }
  fs::path file(const char* name) const { return folder_ / name; }

  TemporaryFolder folder_;
  static inline fs::path model_;
};

TEST_F(CliGenerate, OneFileTheSameBytesEveryTime) {
  const nlohmann::json json = generate("--class brick --seed 7 --out " + quoted(file("a.png")));
  EXPECT_EQ(json.at("textures").size(), 1u);
  EXPECT_EQ(json.at("textures")[0].at("seed"), 7);
  EXPECT_EQ(json.at("textures")[0].at("style").size(), 10u);
  EXPECT_GT(json.at("first_texture_seconds").get<double>(), 0.0);
  generate("--class brick --seed 7 --out " + quoted(file("b.png")));
  EXPECT_EQ(readText(file("a.png")), readText(file("b.png")));
  const Image image = readImage(file("a.png"));
  EXPECT_EQ(image.width, 16u);
  EXPECT_EQ(image.height, 16u);
}

TEST_F(CliGenerate, AFileWhereOneStands) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  generate("--class brick --out here.png");
  fs::current_path(before);
  EXPECT_EQ(readImage(file("here.png")).width, 16u);
}

TEST_F(CliGenerate, ClampedOnesDiffer) {
  generate("--class brick --seed 7 --out " + quoted(file("tiles.png")));
  generate("--class brick --seed 7 --clamp --out " + quoted(file("ends.png")));
  EXPECT_NE(readText(file("tiles.png")), readText(file("ends.png")));
}

TEST_F(CliGenerate, AFolderOfThemAndTheSameAloneAndTogether) {
  generate("--class all --seed 5 --count 2 --size 24x16 --out " + quoted(folder_.path() / "out"));
  for (const char* name : {"brick_5.png", "brick_6.png", "moss_5.png", "moss_6.png", "rust_5.png", "rust_6.png"}) {
    EXPECT_TRUE(fs::exists(folder_.path() / "out" / name)) << name;
  }
  generate("--class moss --seed 6 --size 24x16 --out " + quoted(file("alone.png")));
  EXPECT_EQ(readText(file("alone.png")), readText(folder_.path() / "out" / "moss_6.png"));
  EXPECT_EQ(readImage(file("alone.png")).width, 24u);
}

TEST_F(CliGenerate, ASheetHasARowPerClass) {
  generate("--class all --count 2 --sheet --out " + quoted(file("sheet.png")));
  const Image sheet = readImage(file("sheet.png"));
  EXPECT_EQ(sheet.width, 2 * 16u + 3 * 2u);
  EXPECT_EQ(sheet.height, 3 * 16u + 4 * 2u);
}

TEST_F(CliGenerate, TilesRepeat) {
  generate("--class brick --tile 3x2 --out " + quoted(file("tiled.png")));
  generate("--class brick --out " + quoted(file("one.png")));
  const Image tiled = readImage(file("tiled.png")), one = readImage(file("one.png"));
  ASSERT_EQ(tiled.width, 48u);
  ASSERT_EQ(tiled.height, 32u);
  for (std::uint32_t y = 0; y < 32; ++y) {
    for (std::uint32_t x = 0; x < 48; ++x) {
      ASSERT_EQ(tiled.pixels[(y * 48 + x) * 3], one.pixels[(y % 16 * 16 + x % 16) * 3]);
    }
  }
}

TEST_F(CliGenerate, BlendsGuidanceSamplersAndStyles) {
  const std::string plain = (generate("--class brick --out " + quoted(file("plain.png"))), readText(file("plain.png")));
  for (const char* change :
       {"--class brick:0.5,rust:0.5", "--class none", "--class brick --guidance 4", "--class brick --steps 5",
        "--class brick --sampler flow_heun", "--class brick --style 1,1,1,0,0,0,0,0,0,0"}) {
    const CliResult result = runCli("generate --precision fp32 --model " + quoted(model_) + " --steps 2 --out " +
                                    quoted(file("changed.png")) + " " + change);
    ASSERT_EQ(result.status, std::string(change).find("--steps") == std::string::npos ? 0 : 2) << result.err;
    if (result.status == 0) {
      EXPECT_NE(readText(file("changed.png")), plain) << change;
    }
  }
}

TEST_F(CliGenerate, StyleFromAPicture) {
  generate("--class brick --out " + quoted(file("photo.png")));
  const nlohmann::json json =
      generate("--class moss --style-from " + quoted(file("photo.png")) + " --out " + quoted(file("styled.png")));
  const std::vector<float> style = json.at("textures")[0].at("style").get<std::vector<float>>();
  const nlohmann::json other =
      generate("--class rust --style-from " + quoted(file("photo.png")) + " --out " + quoted(file("other.png")));
  EXPECT_EQ(other.at("textures")[0].at("style").get<std::vector<float>>(), style);
}

TEST_F(CliGenerate, RunsValidated) {
  // The layer leaks a little of its own and is unloaded before the leak check could name it; the program's own leaks
  // show in every other run.
  const ScopedEnvironment noLeakCheck("ASAN_OPTIONS", "detect_leaks=0");
  const CliResult result = runCli("generate --validation --class brick --steps 2 --model " + quoted(model_) +
                                  " --out " + quoted(file("v.png")));
  if (result.status == 2) {
    EXPECT_THAT(result.err, testing::HasSubstr("validation"));  // not installed here
    GTEST_SKIP() << result.err;
  }
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CliGenerate, SaysWhereItCannotWrite) {
  folder_.write("occupied", std::string("a file"));
  const CliResult result =
      runCli("generate --class brick --steps 2 --model " + quoted(model_) + " --out " + quoted(file("occupied/x.png")));
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, testing::HasSubstr("occupied"));
}

}  // namespace
}  // namespace rivulet::test
