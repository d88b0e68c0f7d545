// The program as users and scripts meet it: help, exit statuses, and one clear line for each mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_cli.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// The tiny model as a file that all tests share.
const std::filesystem::path& tinyFile() {
  static const std::filesystem::path path = TinyTextureUNet().write(cliFolder());
  return path;
}

void expectRefused(const std::string& arguments, std::initializer_list<const char*> parts) {
  const CliResult result = runCli(arguments);
  EXPECT_EQ(result.status, 2) << arguments << "\n" << result.err;
  EXPECT_THAT(result.err, StartsWith("rivulet: error: ")) << arguments;
  for (const char* part : parts) EXPECT_THAT(result.err, HasSubstr(part)) << arguments;
  EXPECT_EQ(result.out, "") << arguments;
}

TEST(CliUsage, HelpAndVersion) {
  const CliResult help = runCli("--help");
  EXPECT_EQ(help.status, 0);
  for (const char* word :
       {"generate", "verify", "inspect", "bench", "devices", "--device", "--validation", "Exit status"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  const CliResult version = runCli("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_THAT(version.out, StartsWith("rivulet "));
  for (const char* command : {"generate", "verify", "inspect", "bench conv", "bench model", "devices"}) {
    const CliResult one = runCli(std::string(command) + " --help");
    EXPECT_EQ(one.status, 0) << command;
    EXPECT_THAT(one.out, HasSubstr("--json")) << command;
  }
}

TEST(CliUsage, WhatItDoesNotKnow) {
  expectRefused("", {"subcommand"});
  expectRefused("paint", {"paint"});
  expectRefused("generate", {"--model"});
  expectRefused("generate --model x --out y.png --nonsense", {"nonsense"});
  expectRefused("bench", {"subcommand"});
  expectRefused("verify --precision fp8 .", {"fp8"});
}

TEST(CliUsage, Generate) {
  const std::string model = "generate --model " + quoted(tinyFile()) + " --out " + quoted(cliFolder() / "x.png");
  expectRefused("generate --model nothere --out x.png", {"no model 'nothere'"});
  expectRefused(model + " --class wood", {"no class 'wood'", "brick, moss, rust"});
  expectRefused(model + " --class brick --size 20x20", {"20x20", "multiples of 8"});
  expectRefused(model + " --class brick --size 0", {"--size 0"});
  expectRefused(model + " --class brick --size 99999x16", {"99999x16", "16384"});
  expectRefused(model + " --class brick --size big", {"'big' is not a size"});
  expectRefused(model + " --class brick --sampler magic", {"magic", "flow_euler"});
  expectRefused(model + " --class brick --steps 0", {"steps"});
  expectRefused(model + " --class brick --guidance -2", {"guidance must be"});
  expectRefused(model + " --class brick --style 1,2", {"10 numbers, not 2"});
  expectRefused(model + " --class brick --style 1,x", {"'x'", "not a number"});
  expectRefused(model + " --class brick --style-from nothere.png", {"nothere.png"});
  expectRefused(model + " --class brick --count 2", {"one file", "--sheet"});
  expectRefused(model + " --class brick --tile 0x2", {"--tile"});
  expectRefused(model + " --class brick --device nothere", {"nothere"});
  expectRefused(
      "generate --model " + quoted(cliFolder().write("broken.safetensors", std::string("junk"))) + " --out x.png",
      {"broken.safetensors"});
}

TEST(CliUsage, Devices) {
  const CliResult text = runCli("devices");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("fp16 storage"));
  const CliResult result = runCli("devices --json");
  const nlohmann::json json = nlohmann::json::parse(result.out);
  ASSERT_FALSE(json.at("devices").empty());
  EXPECT_TRUE(json["devices"][0].contains("features"));
  const CliResult without = runCli("devices --json --disable storage16,bufferDeviceAddress");
  const nlohmann::json listed = nlohmann::json::parse(without.out);
  for (const nlohmann::json& device : listed.at("devices")) {
    if (!device.at("selected").get<bool>()) continue;
    EXPECT_FALSE(device.at("features").at("storage16").at("used").get<bool>());
    EXPECT_EQ(device.at("features").at("bufferDeviceAddress").at("instead"), "one descriptor set per executable");
  }
  expectRefused("--disable nothere devices", {"nothere"});
}

TEST(CliUsage, Inspect) {
  const CliResult text = runCli("inspect " + quoted(tinyFile()));
  EXPECT_EQ(text.status, 0) << text.err;
  for (const char* part :
       {"texture_unet", "brick, moss, rust", "planned memory", "dispatches", "multiply-adds", "conv2d"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const CliResult result = runCli("inspect --json --size 32x16 --batch 2 --precision fp32 " + quoted(tinyFile()));
  const nlohmann::json json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json.at("width"), 32);
  EXPECT_EQ(json.at("height"), 16);
  EXPECT_GT(json.at("parameters").get<std::uint64_t>(), 1000u);
  std::uint64_t sum = 0;
  for (const nlohmann::json& op : json.at("ops")) sum += op.at("multiply_adds").get<std::uint64_t>();
  EXPECT_EQ(sum, json.at("multiply_adds").get<std::uint64_t>());
  EXPECT_EQ(json.at("embedding").at("dispatches"), 4);
  EXPECT_EQ(json.at("embedding").at("evaluations"), 8);
  expectRefused("inspect nothere", {"no model 'nothere'"});
  expectRefused("inspect --size 20 " + quoted(tinyFile()), {"20x20", "multiples of 8"});
}

TEST(CliUsage, ModelsAreFoundByName) {
  tinyFile();
  const CliResult result = runCli("inspect --json tiny", "RIVULET_MODELS='" + cliFolder().path().string() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  const CliResult missing = runCli("inspect other", "RIVULET_MODELS='" + cliFolder().path().string() + "'");
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("tiny"));  // what there is
}

TEST(CliUsage, BenchModel) {
  const CliResult result = runCli("bench model --json --repeats 1 --size 16 --model " + quoted(tinyFile()));
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json row = nlohmann::json::parse(result.out).at(0);
  for (const char* key : {"gflops", "ceiling_gflops", "ratio", "ms", "alone_ms", "least_ms", "best_ratio"})
    EXPECT_GT(row.at(key).get<double>(), 0.0) << key;
  EXPECT_TRUE(row.at("name").is_string());
  EXPECT_GT(row.at("embedding").at("ms").get<double>(), 0.0);
  if (row.contains("ops")) {
    EXPECT_TRUE(row.contains("between_dispatches_ms"));
    EXPECT_FALSE(row.at("ops").empty());
  }
}

}  // namespace
}  // namespace rivulet::test
