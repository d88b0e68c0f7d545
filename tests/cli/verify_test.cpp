// rivulet verify: what passes, what fails, and what is said about files that are not what they should be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_cli.h"
#include "core/philox.h"
#include "engine/evaluator.h"
#include "support/gpu_fixture.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CliVerify : public GpuTest {
 protected:
  /// A folder with the tiny model and recorded outputs, which are what it computes here plus `error`.
  void writeNetwork(const std::string& name, float error = 0.0f) {
    fs::create_directories(folder_ / name);
    folder_.write(name + "/model.safetensors", TinyTextureUNet().bytes());
    const auto network = models::Network::load(folder_ / (name + "/model.safetensors"));
    SafetensorsWriter io;
    for (std::uint32_t k = 0; k < 2; ++k) {
      const std::uint32_t n = k + 1, height = 16, width = 16 + 8 * k;
      std::vector<float> x(n * 3 * height * width), t(n), style(n * 10), conditioning;
      fillNoise({k, NoiseStream::Initial, 0}, {0, 0, static_cast<std::uint32_t>(x.size()), 1}, 1, 1, x);
      std::vector<std::int32_t> labels(n);
      for (std::uint32_t i = 0; i < n; ++i) {
        t[i] = 0.25f + 0.5f * static_cast<float>(i);
        labels[i] = static_cast<std::int32_t>((i + k) % 4);  // 3 is the null class
        conditioning.insert(conditioning.end(), {t[i], 0.0f, 1.0f});
        for (std::uint32_t s = 0; s < 10; ++s) conditioning.push_back(style[i * 10 + s] = 0.1f * static_cast<float>(s));
        for (std::int32_t c = 0; c < 4; ++c) conditioning.push_back(c == labels[i] ? 1.0f : 0.0f);
      }
      engine::Evaluator evaluator(*network, pipelines(), stream(), {n, height, width, DataType::F32});
      std::vector<float> y = evaluator.run(x, conditioning);
      for (float& v : y) v += error;
      const std::string key = std::to_string(k);
      io.add(key + ".x", {n, 3, height, width}, x);
      io.add(key + ".y", {n, 3, height, width}, y);
      io.add(key + ".t", {n}, t);
      io.add(key + ".style", {n, 10}, style);
      io.addBytes(key + ".class", {n}, "I32", std::as_bytes(std::span(labels)));
      io_ = io;
    }
    folder_.write(name + "/io.safetensors", io.bytes());
  }

  CliResult verify(const std::string& more = "") { return runCli("verify " + quoted(folder_.path()) + " " + more); }

  TemporaryFolder folder_;
  SafetensorsWriter io_;
};

/// The shipped networks against what the trainer computed with their weights.
TEST_F(CliVerify, TheShippedNetworksDoWhatTheyDidInTheTrainer) {
  for (const std::string name : {"materials-m", "materials-s", "materials-s-teacher"}) {
    fs::create_directories(folder_ / name);
    fs::copy_file(fs::path(RIVULET_SOURCE_DIR) / "models" / (name + ".safetensors"),
                  folder_ / (name + "/model.safetensors"));
    fs::copy_file(fs::path(RIVULET_TEST_DATA) / "reference" / name / "io.safetensors",
                  folder_ / (name + "/io.safetensors"));
  }
  for (const char* precision : {"fp32", "fp16"}) {
    const CliResult result = verify(std::string("--precision ") + precision);
    EXPECT_EQ(result.status, 0) << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("12 of 12 cases ok"));
  }
}

TEST_F(CliVerify, PassesWhatIsRight) {
  writeNetwork("a/deep");
  const CliResult result = verify();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("a/deep/0"));
  EXPECT_THAT(result.out, HasSubstr("a/deep/1"));
  EXPECT_THAT(result.out, HasSubstr("2 of 2 cases ok"));
  const nlohmann::json json = nlohmann::json::parse(verify("--json").out);
  EXPECT_TRUE(json.at("ok").get<bool>());
  EXPECT_EQ(json.at("cases").size(), 2u);
  EXPECT_LE(json["cases"][0].at("relative_l2").get<double>(), 1e-6);
  const CliResult half = verify("--precision fp16");
  EXPECT_EQ(half.status, caps().storage16 ? 0 : 1) << half.out;
}

TEST_F(CliVerify, FailsWhatIsWrongUnlessTold) {
  writeNetwork("a", 0.01f);
  const CliResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("FAIL"));
  EXPECT_EQ(verify("--tolerance 0.5").status, 0);
  EXPECT_FALSE(nlohmann::json::parse(verify("--json").out).at("ok").get<bool>());
}

TEST_F(CliVerify, ReplaysRecordedSamplersOnTheGpu) {
  folder_.write("samplers.json", readText(fs::path(RIVULET_TEST_DATA) / "samplers.json"));
  const CliResult result = verify();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("samplers/ddpm_learned_range_cosine"));
  EXPECT_THAT(result.out, HasSubstr("samplers/unipc_bh2"));
  EXPECT_THAT(result.out, Not(HasSubstr("FAIL")));
}

TEST_F(CliVerify, RecordedNetworksPassBareAndAsAPipeline) {
  const fs::path recorded = fs::path(RIVULET_TEST_DATA) / "reference" / "unet_ddpm_small";
  fs::copy(recorded, folder_ / "bare");
  fs::create_directories(folder_ / "pipeline/unet");
  for (const char* name : {"config.json", "diffusion_pytorch_model.safetensors"}) {
    fs::copy(recorded / name, folder_.path() / "pipeline/unet" / name);
  }
  fs::copy(recorded / "io.safetensors", folder_ / "pipeline/io.safetensors");
  folder_.write("pipeline/model_index.json",
                R"({"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]})");
  const CliResult result = verify();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("6 of 6 cases ok"));
}

TEST_F(CliVerify, ATrajectoryThatIsOffFails) {
  nlohmann::json samplers = nlohmann::json::parse(readText(fs::path(RIVULET_TEST_DATA) / "samplers.json"));
  double& x = samplers["cases"]["ddim_eta0"]["rows"][4]["x"][3].get_ref<double&>();
  x += 0.01;
  samplers["cases"]["euler"]["rows"][2]["t"] = 1.0;
  samplers["cases"]["lcm"]["rows"].erase(1);
  samplers["cases"]["dpmpp_2m"]["scheduler"] = "MagicScheduler";
  samplers["cases"]["heun_edm"].erase("initial");
  samplers["cases"]["flow_heun"] = "nothing";
  folder_.write("samplers.json", samplers.dump());
  const CliResult result = verify();
  EXPECT_EQ(result.status, 1);
  for (const char* part : {"timestep", "MagicScheduler", "no 'initial'", "rows has 3 rows", "expected an object"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
    EXPECT_THAT(result.err, HasSubstr(part));
  }
  EXPECT_THAT(result.out, HasSubstr("11 of 17 cases ok"));
}

TEST_F(CliVerify, NothingToVerifyIsNotSuccess) {
  const CliResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("nothing to verify"));
  const CliResult missing = runCli("verify " + quoted(folder_ / "nothere"));
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("is not a folder"));
}

TEST_F(CliVerify, HostileFilesAreReportedAndTheRestIsStillVerified) {
  writeNetwork("good");
  writeNetwork("truncated");
  const std::string whole = readText(folder_ / "truncated/io.safetensors");
  folder_.write("truncated/io.safetensors", whole.substr(0, whole.size() / 2));
  writeNetwork("short");
  io_.remove("1.t");
  std::vector<std::int32_t> label{9};
  io_.addBytes("0.class", {1}, "I32", std::as_bytes(std::span(label)));
  folder_.write("short/io.safetensors", io_.bytes());
  folder_.write("empty/io.safetensors", std::string());
  folder_.write("samplers.json", std::string("{ not json"));
  const CliResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("2 of 7 cases ok"));
  for (const char* part : {"truncated", "'1.t'", "label 9", "no network", "not JSON"})
    EXPECT_THAT(result.err, HasSubstr(part));
}

}  // namespace
}  // namespace rivulet::test
