#include "engine/tuning_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/log.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::engine {
namespace {

class TuningFile : public testing::Test {
 protected:
  TuningFile() {
    setLogSink([this](LogLevel level, std::string_view message) {
      if (level == LogLevel::Warning) warnings_ += std::string(message) + "\n";
    });
  }
  ~TuningFile() override { setLogSink({}); }
  std::string text() const {
    std::ifstream stream(file_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "deep" / "device.tuning.json";
  std::string warnings_;
};

DeviceTuning sample() {
  DeviceTuning tuning;
  tuning.kernels.set("matrix 3x3", 2);
  tuning.kernels.matrixUnits = true;
  tuning.curves["a 64x64"].measured(1, 1000.5);
  tuning.curves["a 64x64"].measured(4, 2500.25);
  return tuning;
}

TEST_F(TuningFile, ComesBackAsItWas) {
  writeTuning(file_, sample());
  const DeviceTuning read = readTuning(file_);
  EXPECT_EQ(read.kernels.choices(), sample().kernels.choices());
  EXPECT_EQ(read.kernels.matrixUnits, true);
  ASSERT_EQ(read.curves.size(), 1u);
  const BatchCurve& curve = read.curves.at("a 64x64");
  EXPECT_EQ(curve.microseconds(1), 1000.5);
  EXPECT_EQ(curve.microseconds(4), 2500.25);
  EXPECT_TRUE(curve.has(1) && curve.has(4) && !curve.has(2)) << "predictions are not kept";
  EXPECT_TRUE(warnings_.empty()) << warnings_;
}

TEST_F(TuningFile, KeepsWhatOthersFoundOut) {
  writeTuning(file_, sample());
  DeviceTuning mine;
  mine.kernels.set("matrix 1x1", 1);
  mine.curves["a 64x64"].measured(1, 900);
  mine.curves["b 64x64"].measured(2, 10);
  mine.curves["nothing yet"];
  writeTuning(file_, mine);
  const DeviceTuning read = readTuning(file_);
  EXPECT_EQ(read.kernels.choices().size(), 2u);
  EXPECT_EQ(read.kernels.matrixUnits, true);
  ASSERT_EQ(read.curves.size(), 2u);
  EXPECT_EQ(read.curves.at("a 64x64").microseconds(1), 900) << "what this process measured goes before";
}

TEST_F(TuningFile, IsEmptyWhereItIsMissingOrDamaged) {
  EXPECT_TRUE(readTuning(file_).curves.empty());
  EXPECT_TRUE(warnings_.empty()) << "every device begins without one";
  writeTuning(file_, sample());
  const std::string whole = text();
  for (const std::string& bad :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("\x01\xff"), std::string("[]"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {}, "batches": {"a": {"0": 5}}})"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {}, "batches": {"a": {"65": 5}}})"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {}, "batches": {"a": {"4 ": 5}}})"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {}, "batches": {"a": {"4": -5}}})"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {"b": 1}, "batches": {"a": {"4": "fast"}}})"),
        std::string(R"({"format": "rivulet-tuning-1", "choices": {"b": 1}, "batches": {"a": 4}})")}) {
    warnings_.clear();
    std::ofstream(file_, std::ios::trunc) << bad;
    const DeviceTuning read = readTuning(file_);
    EXPECT_TRUE(read.curves.empty() && read.kernels.choices().empty()) << bad;
    EXPECT_NE(warnings_.find("device.tuning.json"), std::string::npos) << bad;
  }
  writeTuning(file_, sample());
  EXPECT_EQ(text(), whole) << "made again";
}

TEST_F(TuningFile, NamesThatAreNoTextDoNoHarm) {
  DeviceTuning tuning;
  tuning.curves["\xff\xfe 64x64"].measured(1, 7);
  writeTuning(file_, tuning);
  EXPECT_EQ(readTuning(file_).curves.size(), 1u);
}

TEST_F(TuningFile, SaysWhereItCannotBeWritten) {
  const std::filesystem::path notAFolder = folder_.write("file", std::string_view("x"));
  writeTuning(notAFolder / "device.tuning.json", sample());
  EXPECT_NE(warnings_.find("cannot be kept"), std::string::npos);
}

TEST_F(TuningFile, BelongsToThePipelineCaches) {
  EXPECT_EQ(tuningFile("folder/pipelines-0-1.bin"), std::filesystem::path("folder/pipelines-0-1.tuning.json"));
  EXPECT_TRUE(tuningFile({}).empty());
  const test::ScopedEnvironment off("RIVULET_AUTOTUNE", "0");
  EXPECT_FALSE(autotuneEnabled());
}

TEST_F(TuningFile, CurvesAreOfANetworkASizeAndItsKernels) {
  const auto network = test::TinyTextureUNet().load();
  vk::DeviceCaps caps;
  const auto key = [&](const vk::DeviceCaps& on, std::uint32_t size, bool guided = false) {
    LaneShape shape;
    shape.height = shape.width = size;
    shape.guided = guided;
    return curveKey(network->info(), shape, buildLaneGraph(*network, on, shape));
  };
  EXPECT_EQ(key(caps, 16), key(caps, 16));
  EXPECT_NE(key(caps, 16), key(caps, 24));
  EXPECT_NE(key(caps, 16), key(caps, 16, true));
  vk::DeviceCaps others = caps;
  others.bufferDeviceAddress = !caps.bufferDeviceAddress;
  EXPECT_NE(key(caps, 16), key(others, 16)) << "with other features it has other kernels";
}

}  // namespace
}  // namespace rivulet::engine
