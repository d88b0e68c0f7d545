#include "vk/pipeline_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "core/log.h"
#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/host_device.h"
#include "support/scoped_environment.h"
#include "support/temporary_folder.h"
#include "support/vulkan_spy.h"
#include "vk/cache_file.h"

namespace rivulet::vk {
namespace {

using test::expectError;
using test::VulkanSpy;

class PipelineCacheTest : public test::GpuTest {
 protected:
  std::string shader() const { return caps().bufferDeviceAddress ? "test/axpy.f32_bda" : "test/axpy.f32"; }
};

/// Every byte of a file; and a file of these bytes.
std::string readAll(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void writeAll(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(PipelineCacheTest, TheSameKeyIsTheSamePipeline) {
  PipelineCache cache(device(), {});
  const Pipeline a = cache.get({shader(), {64}});
  const Pipeline b = cache.get({shader(), {64}});
  const Pipeline c = cache.get({shader(), {32}});
  EXPECT_EQ(a.handle, b.handle);
  EXPECT_NE(a.handle, c.handle);
  EXPECT_EQ(a.layout, cache.layout());
  EXPECT_TRUE(cache.file().empty());
  cache.save();
}

TEST_F(PipelineCacheTest, AnUnknownShaderIsNamed) {
  PipelineCache cache(device(), {});
  for (int i = 0; i < 2; ++i)
    expectError(
        ErrorCode::Internal,
        [&] {
          cache.get({"ops/flux_capacitor", {}});
        },
        "'ops/flux_capacitor'");
}

TEST_F(PipelineCacheTest, WarmsInParallelAndReportsInOrder) {
  PipelineCache cache(device(), {});
  std::vector<PipelineKey> keys;
  for (std::uint32_t size = 1; size <= 12; ++size) keys.push_back({shader(), {size}});
  std::vector<std::size_t> seen;
  cache.warm(keys, [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, 12u);
    seen.push_back(done);
  });
  EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  cache.warm({});
}

TEST_F(PipelineCacheTest, WarmTriesEverythingBeforeItFails) {
  PipelineCache cache(device(), {});
  const std::vector<PipelineKey> keys = {{shader(), {1}}, {"ops/flux_capacitor", {}}, {shader(), {2}}};
  std::size_t made = 0;
  expectError(
      ErrorCode::Internal, [&] { cache.warm(keys, [&](std::size_t done, std::size_t) { made = done; }); },
      "'ops/flux_capacitor'");
  EXPECT_EQ(made, 2u);
}

TEST_F(PipelineCacheTest, ACallbackThatThrowsEndsUpAtTheCaller) {
  PipelineCache cache(device(), {});
  const std::vector<PipelineKey> keys = {{shader(), {1}}, {shader(), {2}}};
  expectError(
      ErrorCode::Unsupported,
      [&] { cache.warm(keys, [](std::size_t, std::size_t) { throw Error(ErrorCode::Unsupported, "cancelled"); }); },
      "cancelled");
}

TEST_F(PipelineCacheTest, TheDefaultDirectoryFollowsTheEnvironment) {
  const test::ScopedEnvironment directory("RIVULET_CACHE_DIR", "/somewhere/else");
  EXPECT_EQ(PipelineCache::defaultDirectory(), std::filesystem::path("/somewhere/else"));
#if defined(__linux__)
  const test::ScopedEnvironment none("RIVULET_CACHE_DIR", nullptr);
  {
    const test::ScopedEnvironment xdg("XDG_CACHE_HOME", "/xdg");
    EXPECT_EQ(PipelineCache::defaultDirectory(), std::filesystem::path("/xdg/rivulet"));
  }
  const test::ScopedEnvironment noXdg("XDG_CACHE_HOME", nullptr);
  {
    const test::ScopedEnvironment home("HOME", "/home/somebody");
    EXPECT_EQ(PipelineCache::defaultDirectory(), std::filesystem::path("/home/somebody/.cache/rivulet"));
  }
  const test::ScopedEnvironment homeless("HOME", nullptr);
  EXPECT_TRUE(PipelineCache::defaultDirectory().empty());
#endif
}

/// The disk file.
class PipelineCacheFile : public PipelineCacheTest {
 protected:
  void SetUp() override {
    PipelineCacheTest::SetUp();
    setLogSink([this](LogLevel, std::string_view message) { log_ += std::string(message) + "\n"; });
  }
  void TearDown() override {
    setLogSink({});
    PipelineCacheTest::TearDown();
  }
  /// Writes one by making a pipeline; returns its path.
  std::filesystem::path write() {
    PipelineCache cache(device(), directory_.path() / "made" / "on demand");
    cache.get({shader(), {64}});
    EXPECT_EQ(cache.diskBytes(), 0u);
    return cache.file();
  }
  /// Bytes that a cache takes from the file.
  std::size_t loaded() const { return PipelineCache(device(), directory_.path() / "made" / "on demand").diskBytes(); }
  /// The file with `damaged` in it is ignored, for the reason given, and replaced by a whole one.
  void expectIgnored(const std::string& damaged, const std::string& reason) {
    const std::filesystem::path file = directory_.path() / "made" / "on demand" / cacheFileName(caps());
    writeAll(file, damaged);
    log_.clear();
    {
      PipelineCache cache(device(), file.parent_path());
      EXPECT_EQ(cache.diskBytes(), 0u) << reason;
      cache.get({shader(), {64}});
    }
    EXPECT_THAT(log_, testing::HasSubstr(reason));
    EXPECT_THAT(log_, testing::HasSubstr(file.string()));
    EXPECT_GT(loaded(), 0u) << "replaced after: " << reason;
  }
  test::TemporaryFolder directory_;
  std::string log_;
};

TEST_F(PipelineCacheFile, IsWrittenAndReadAgain) {
  const std::filesystem::path file = write();
  EXPECT_THAT(file.filename().string(), testing::MatchesRegex("pipelines-[0-9a-f]+-[0-9]+-[0-9]+.[0-9]+.[0-9]+.bin"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}), 1) << "no temporary is left";
  EXPECT_EQ(loaded(), std::filesystem::file_size(file) - 88);
  EXPECT_EQ(log_, "");
}

TEST_F(PipelineCacheFile, IsNotWrittenUnlessTheCacheHasGrown) {
  const std::filesystem::path file = write();
  PipelineCache cache(device(), file.parent_path());
  std::filesystem::remove(file);
  cache.save();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(PipelineCacheFile, DamageIsIgnoredAndReplaced) {
  const std::string good = readAll(write());
  ASSERT_GE(good.size(), 120u);
  const auto changed = [&](std::size_t at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    return bytes;
  };
  expectIgnored("", "too short");
  expectIgnored(good.substr(0, 87), "too short");
  expectIgnored(good.substr(0, good.size() - 1), "truncated");
  expectIgnored(good + "x", "truncated, or with something after its end");
  expectIgnored(changed(good.size() - 1), "checksum");
  expectIgnored(changed(100), "checksum");
  expectIgnored(changed(80), "checksum");
  expectIgnored(changed(0), "written for another");
  expectIgnored(changed(8), "written for another");   // Rivulet's version
  expectIgnored(changed(24), "written for another");  // device UUID
  expectIgnored(changed(40), "written for another");  // pipeline cache UUID
  expectIgnored(changed(64), "written for another");  // driver version
  expectIgnored(changed(72), "truncated");            // size
}

TEST_F(PipelineCacheFile, AForeignDriversDataIsNotHandedOver) {
  const std::filesystem::path file = write();
  std::vector<std::byte> data = readCacheFile(file, caps());
  ASSERT_GE(data.size(), 32u);
  data[16] ^= std::byte{1};  // the UUID in the driver's own header, with our header intact around it
  writeCacheFile(file, caps(), data);
  expectIgnored(readAll(file), "the driver's part is for another device");
}

TEST_F(PipelineCacheFile, AnotherDeviceHasAnotherFile) {
  DeviceCaps other = caps();
  other.deviceUuid[3] ^= 1;
  EXPECT_NE(cacheFileName(other), cacheFileName(caps()));
  other = caps();
  ++other.driverVersion;
  EXPECT_NE(cacheFileName(other), cacheFileName(caps()));
}

TEST_F(PipelineCacheFile, AFolderThatCannotBeWrittenIsNoReasonToStop) {
  const std::filesystem::path file = directory_.path() / "a file";
  writeAll(file, "in the way");
  {
    PipelineCache cache(device(), file / "below");
    cache.get({shader(), {64}});
    expectError(
        ErrorCode::Io, [&] { cache.save(); }, "cannot write the pipeline cache", "below", "RIVULET_CACHE_DIR");
    log_.clear();
  }
  EXPECT_THAT(log_, testing::HasSubstr("cannot write the pipeline cache")) << "destruction warns and goes on";
}

/// On a host's device, through the spy.
class PipelineCacheSpied : public PipelineCacheTest {
 protected:
  void SetUp() override {
    PipelineCacheTest::SetUp();
    VulkanSpy::reset();
    test::HostOptions options;
    options.getInstanceProcAddr = VulkanSpy::getInstanceProcAddr;
    host_ = std::make_unique<test::HostDevice>(options);
    imported_ = Device::import(host_->info());
  }
  void TearDown() override {
    imported_.reset();
    host_.reset();
    PipelineCacheTest::TearDown();
  }
  std::unique_ptr<test::HostDevice> host_;
  std::shared_ptr<Device> imported_;
};

TEST_F(PipelineCacheSpied, ThreadsThatWantTheSamePipelineShareIt) {
  {
    PipelineCache cache(imported_, {});
    std::vector<VkPipeline> got(8);
    {
      std::vector<std::jthread> threads;
      threads.reserve(got.size());
      for (VkPipeline& pipeline : got) threads.emplace_back([&] { pipeline = cache.get({shader(), {64}}).handle; });
    }
    for (const VkPipeline pipeline : got) EXPECT_EQ(pipeline, got[0]);
    EXPECT_EQ(VulkanSpy::calls("vkCreateComputePipelines"), 1u);
  }
  EXPECT_EQ(VulkanSpy::calls("vkDestroyPipeline"), 1u);
  EXPECT_EQ(VulkanSpy::calls("vkCreateShaderModule"), VulkanSpy::calls("vkDestroyShaderModule"));
}

TEST_F(PipelineCacheSpied, AFailureNamesTheShaderAndMayBeTriedAgain) {
  PipelineCache cache(imported_, {});
  VulkanSpy::failFrom("vkCreateComputePipelines", 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  expectError(
      ErrorCode::OutOfDeviceMemory,
      [&] {
        cache.get({shader(), {64}});
      },
      "vkCreateComputePipelines", shader(), "VK_ERROR_OUT_OF_DEVICE_MEMORY");
  EXPECT_EQ(VulkanSpy::calls("vkCreateShaderModule"), VulkanSpy::calls("vkDestroyShaderModule"));
  VulkanSpy::reset();
  VulkanSpy::failFrom("vkCreateShaderModule", 1, VK_ERROR_OUT_OF_HOST_MEMORY);
  expectError(
      ErrorCode::OutOfHostMemory,
      [&] {
        cache.get({shader(), {64}});
      },
      "vkCreateShaderModule", shader());
  VulkanSpy::reset();
  EXPECT_NE(cache.get({shader(), {64}}).handle, VkPipeline{});
}

}  // namespace
}  // namespace rivulet::vk
