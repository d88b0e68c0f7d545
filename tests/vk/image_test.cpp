#include "vk/image.h"

#include <gtest/gtest.h>

#include <utility>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/host_device.h"
#include "support/memory_meter.h"
#include "support/vulkan_spy.h"

namespace rivulet::vk {
namespace {

class ImageTest : public test::GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    test::VulkanSpy::reset();
    meter_ = std::make_unique<test::MemoryMeter>();
    test::HostOptions options;
    options.getInstanceProcAddr = test::VulkanSpy::getInstanceProcAddr;
    host_ = std::make_unique<test::HostDevice>(options);
    device_ = Device::import(host_->info());
  }
  void TearDown() override {
    device_.reset();
    host_.reset();
    meter_.reset();
    GpuTest::TearDown();
  }
  static ImageInfo small() {
    ImageInfo info;
    info.width = 48;
    info.height = 16;
    info.mipLevels = 3;
    info.format = VK_FORMAT_R8G8B8A8_UNORM;
    return info;
  }

  std::unique_ptr<test::MemoryMeter> meter_;
  std::unique_ptr<test::HostDevice> host_;
  std::shared_ptr<Device> device_;
};

TEST_F(ImageTest, TakesWhatItRequires) {
  const ImageRequirements requirements = imageRequirements(*device_, small());
  EXPECT_GE(requirements.bytes, 4u * (48 * 16 + 24 * 8 + 12 * 4));
  EXPECT_EQ(imageRequirements(*device_, small()), requirements);
  EXPECT_EQ(meter_->bytes(), 0u) << "asking allocates nothing";
  {
    const Image image(device_, small(), "alone");
    EXPECT_EQ(meter_->bytes(), requirements.bytes);
  }
  EXPECT_EQ(meter_->bytes(), 0u);
}

TEST_F(ImageTest, SeveralShareAnAllocation) {
  const ImageRequirements requirements = imageRequirements(*device_, small());
  auto memory = std::make_shared<const ImageMemory>(device_, requirements, 5, "five");
  EXPECT_EQ(memory->allocatedSize(), 5 * requirements.bytes);
  std::vector<Image> images;
  for (std::uint32_t place = 0; place < 5; ++place) images.emplace_back(device_, small(), memory, place, "one of five");
  ImageInfo other = small();
  other.width = 96;
  test::expectError(
      ErrorCode::Internal, [&] { Image(device_, other, memory, 0, "too large"); }, "another kind");
  memory.reset();
  EXPECT_EQ(meter_->allocations(), 1u);
  EXPECT_EQ(meter_->bytes(), 5 * requirements.bytes);
  images.erase(images.begin() + 1, images.end());
  EXPECT_EQ(meter_->bytes(), 5 * requirements.bytes) << "the images keep it";
  images.clear();
  EXPECT_EQ(meter_->bytes(), 0u);
}

TEST_F(ImageTest, FailuresLeakNothing) {
  for (const char* name : {"vkCreateImage", "vkBindImageMemory"}) {
    test::VulkanSpy::reset();
    test::VulkanSpy::failFrom(name, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    test::expectError(
        ErrorCode::OutOfDeviceMemory, [&] { Image(device_, small(), "crate"); }, "48x16");
    EXPECT_EQ(meter_->bytes(), 0u) << name;
  }
  test::VulkanSpy::reset();
  EXPECT_NO_THROW(Image(device_, small(), "crate"));
}

TEST_F(ImageTest, AFormatThereIsNotIsNamed) {
  ImageInfo info = small();
  info.format = VK_FORMAT_ASTC_4x4_UNORM_BLOCK;
  if (supportsImage(*device_, info)) GTEST_SKIP() << "this device makes such images";
  test::expectError(
      ErrorCode::MissingFeature, [&] { imageRequirements(*device_, info); }, "makes no such images");
  host_->messages().take();  // the layer thinks that asking is a mistake
}

}  // namespace
}  // namespace rivulet::vk
