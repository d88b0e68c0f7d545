#pragma once
// Tests that run on a Vulkan device. Where the validation layer is installed it is on, with synchronization validation,
// and any message (error or warning) fails the test during which it came. Without a device a test fails, saying what
// to install: a suite that skips everything proves nothing.
//
//   class Conv2d : public rivulet::test::GpuVariantTest {};          each test runs on the device as it is, and with
//   each TEST_P(Conv2d, Random) { ... device(), pipelines(), stream() }   capability disabled that has a fallback
//   RVL_INSTANTIATE_GPU_VARIANTS(Conv2d);
//
//   class Reader : public rivulet::test::GpuTest {};                 the device as it is
//   class Plain : public rivulet::test::GpuNoBallotTest {};          one variant

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vk/buffer.h"
#include "vk/command_stream.h"
#include "vk/device.h"
#include "vk/pipeline_cache.h"

namespace rivulet::test {

/// Validation messages since the last take(). Thread-safety: any thread.
class MessageLog {
 public:
  void add(std::string message);
  std::vector<std::string> take();
  /// For CreateDeviceInfo::onMessage. The log must outlive the device.
  vk::MessageCallback callback();

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

/// Whether Device::create can have validation here. RIVULET_VALIDATION=1 makes a missing layer an error instead;
/// RIVULET_TEST_VALIDATION=0 runs the tests without it.
bool validationInstalled();

/// A device that differs from the usual one by what it does not use.
struct GpuVariant {
  std::string name;                  // as it stands in test names
  std::vector<std::string> disable;  // DeviceCaps member names
};

/// The device as it is, without each capability that has a fallback, and without any of them.
const std::vector<GpuVariant>& gpuVariants();

std::string variantName(const testing::TestParamInfo<GpuVariant>& variant);

/// A device with what a test needs on it. One per list of disabled capabilities, made at first use, destroyed at the
/// end of the program.
struct SharedGpu {
  std::shared_ptr<vk::Device> device;
  std::unique_ptr<vk::PipelineCache> pipelines;  // no disk file
  std::unique_ptr<vk::CommandStream> stream;
};
/// Errors: those of Device::create.
SharedGpu& sharedGpu(const std::vector<std::string>& disable = {});
/// Messages of all shared devices.
MessageLog& sharedMessages();

class GpuTest : public testing::Test {
 protected:
  explicit GpuTest(std::vector<std::string> disable = {}) : disable_(std::move(disable)) {}
  void SetUp() override;
  void TearDown() override;

  const std::shared_ptr<vk::Device>& device() const { return gpu_->device; }
  const vk::DeviceCaps& caps() const { return gpu_->device->caps(); }
  vk::PipelineCache& pipelines() const { return *gpu_->pipelines; }
  vk::CommandStream& stream() const { return *gpu_->stream; }

  /// A device buffer holding `values`; and what one holds.
  template <class T>
  vk::Buffer makeBuffer(std::span<const T> values, const std::string& name = "test") const {
    vk::Buffer buffer(device(), vk::BufferUse::Device, values.size_bytes(), name);
    stream().upload(buffer, 0, std::as_bytes(values));
    return buffer;
  }
  template <class T>
  std::vector<T> readBuffer(const vk::Buffer& buffer, std::size_t count, std::uint64_t offset = 0) const {
    std::vector<T> values(count);
    stream().download(buffer, offset, std::as_writable_bytes(std::span(values)));
    return values;
  }

  /// Messages so far; taking them keeps them from failing the test.
  std::vector<std::string> takeMessages() const { return sharedMessages().take(); }

 private:
  std::vector<std::string> disable_;
  SharedGpu* gpu_ = nullptr;
};

class GpuVariantTest : public GpuTest, public testing::WithParamInterface<GpuVariant> {
 protected:
  GpuVariantTest() : GpuTest(GetParam().disable) {}
};

#define RVL_INSTANTIATE_GPU_VARIANTS(Fixture)                                               \
  INSTANTIATE_TEST_SUITE_P(Gpu, Fixture, testing::ValuesIn(::rivulet::test::gpuVariants()), \
                           ::rivulet::test::variantName)

/// `disable` for one variant.
class GpuNoAddressTest : public GpuTest {
 protected:
  GpuNoAddressTest() : GpuTest({"bufferDeviceAddress"}) {}
};
class GpuNoStorage16Test : public GpuTest {
 protected:
  GpuNoStorage16Test() : GpuTest({"storage16"}) {}
};
class GpuNoTimelineTest : public GpuTest {
 protected:
  GpuNoTimelineTest() : GpuTest({"timelineSemaphore"}) {}
};
class GpuNoBallotTest : public GpuTest {
 protected:
  GpuNoBallotTest() : GpuTest({"subgroupBallot"}) {}
};

/// gtest prints parameters it cannot name as bytes.
void PrintTo(const GpuVariant& variant, std::ostream* out);

}  // namespace rivulet::test
