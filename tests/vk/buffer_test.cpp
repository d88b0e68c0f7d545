#include "vk/buffer.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/host_device.h"
#include "support/vulkan_spy.h"

namespace rivulet::vk {
namespace {

using test::expectError;

class BufferTest : public test::GpuVariantTest {};
RVL_INSTANTIATE_GPU_VARIANTS(BufferTest);

std::vector<std::byte> pattern(std::size_t bytes) {
  std::vector<std::byte> result(bytes);
  for (std::size_t i = 0; i < bytes; ++i) result[i] = static_cast<std::byte>((i * 2654435761u) >> 13);
  return result;
}

TEST_P(BufferTest, UploadsAndDownloads) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4}, std::size_t{1003}, std::size_t{1} << 20}) {
    const std::vector<std::byte> sent = pattern(bytes);
    const Buffer buffer(device(), BufferUse::Device, bytes, "round trip");
    EXPECT_EQ(buffer.size(), bytes);
    EXPECT_GE(buffer.allocatedSize(), bytes);
    EXPECT_TRUE(buffer.mapped().empty());
    stream().upload(buffer, 0, sent);
    EXPECT_EQ(readBuffer<std::byte>(buffer, bytes), sent) << bytes;
  }
}

TEST_P(BufferTest, CopiesLargerThanTheStagingBufferGoInPieces) {
  const std::vector<std::byte> sent = pattern((std::size_t{33} << 20) + 12);
  const Buffer buffer = makeBuffer(std::span<const std::byte>(sent));
  EXPECT_TRUE(readBuffer<std::byte>(buffer, sent.size()) == sent);
}

TEST_P(BufferTest, OffsetsReachThePlace) {
  const Buffer buffer = makeBuffer(std::span<const std::byte>(std::vector<std::byte>(64)));
  const std::vector<std::byte> sent = pattern(8);
  stream().upload(buffer, 20, sent);
  std::vector<std::byte> expected(64);
  std::copy(sent.begin(), sent.end(), expected.begin() + 20);
  EXPECT_EQ(readBuffer<std::byte>(buffer, 64), expected);
  EXPECT_EQ(readBuffer<std::byte>(buffer, 8, 20), sent);
  stream().upload(buffer, 64, {});
}

TEST_P(BufferTest, RangesOutsideAreRefused) {
  const Buffer buffer(device(), BufferUse::Device, 64, "small");
  std::vector<std::byte> bytes(32);
  expectError(
      ErrorCode::InvalidArgument, [&] { stream().upload(buffer, 36, bytes); }, "upload of 32 bytes at 36",
      "buffer of 64");
  expectError(
      ErrorCode::InvalidArgument, [&] { stream().download(buffer, 65, {}); }, "download of 0 bytes at 65");
  expectError(
      ErrorCode::InvalidArgument, [&] { stream().download(buffer, ~std::uint64_t{0}, bytes); }, "download");
}

TEST_P(BufferTest, HostBuffersAreMapped) {
  const Buffer upload(device(), BufferUse::Upload, 100, "upload");
  const Buffer readback(device(), BufferUse::Readback, 100, "readback");
  ASSERT_EQ(upload.mapped().size(), 100u);
  ASSERT_EQ(readback.mapped().size(), 100u);
  const std::vector<std::byte> sent = pattern(100);
  std::copy(sent.begin(), sent.end(), upload.mapped().begin());
  upload.flush();
  const VkCommandBuffer commands = stream().begin("copy");
  const VkBufferCopy region{0, 0, 100};
  device()->fn().CmdCopyBuffer(commands, upload.handle(), readback.handle(), 1, &region);
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT,
                          VK_ACCESS_HOST_READ_BIT};
  device()->fn().CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                                    &barrier, 0, nullptr, 0, nullptr);
  stream().wait(stream().submit());
  readback.invalidate();
  EXPECT_EQ(std::vector<std::byte>(readback.mapped().begin(), readback.mapped().end()), sent);
}

TEST_P(BufferTest, Moves) {
  Buffer a(device(), BufferUse::Device, 64, "a");
  const VkBuffer handle = a.handle();
  Buffer b = std::move(a);
  EXPECT_EQ(b.handle(), handle);
  b = Buffer(device(), BufferUse::Device, 128, "b");
  EXPECT_EQ(b.size(), 128u);
  b = Buffer();
  EXPECT_EQ(b.handle(), VkBuffer{});
  EXPECT_EQ(b.allocatedSize(), 0u);
}

TEST_P(BufferTest, AnAbsurdSizeNamesTheBuffer) {
  expectError(
      ErrorCode::OutOfDeviceMemory,
      [&] { Buffer(device(), BufferUse::Device, std::uint64_t{1} << 50, "arena of the universe"); },
      "buffer 'arena of the universe' of 1125899906842624 bytes", "allocates at most");
  expectError(
      ErrorCode::InvalidArgument, [&] { Buffer(device(), BufferUse::Device, 0, "nothing"); }, "buffer 'nothing'",
      "at least one byte");
}

TEST_P(BufferTest, TakeWhatWasSaid) {
  for (const BufferUse use : {BufferUse::Device, BufferUse::Upload, BufferUse::Readback}) {
    for (const std::uint64_t bytes : {1u, 100u, 65537u, (3u << 20) + 256}) {
      const Buffer buffer(device(), use, bytes, "arena");
      EXPECT_EQ(buffer.allocatedSize(), Buffer::requiredSize(*device(), use, bytes));
      EXPECT_GE(buffer.allocatedSize(), bytes);
      EXPECT_LT(buffer.allocatedSize(), bytes + 65536) << "no more than a page of alignment";
    }
  }
}

class BufferFailure : public test::GpuTest {};

TEST_F(BufferFailure, FullMemoryNamesTheBufferAndLeaksNothing) {
  test::VulkanSpy::reset();
  test::HostOptions options;
  options.getInstanceProcAddr = test::VulkanSpy::getInstanceProcAddr;
  test::HostDevice host(options);
  const auto device = Device::import(host.info());
  test::VulkanSpy::failFrom("vkAllocateMemory", 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
  for (const BufferUse use : {BufferUse::Device, BufferUse::Upload, BufferUse::Readback})
    expectError(
        ErrorCode::OutOfDeviceMemory, [&] { Buffer(device, use, 1 << 20, "weights"); },
        "buffer 'weights' of 1048576 bytes", "VK_ERROR_OUT_OF_DEVICE_MEMORY");
  EXPECT_EQ(test::VulkanSpy::calls("vkCreateBuffer"), test::VulkanSpy::calls("vkDestroyBuffer"));
  test::VulkanSpy::reset();
  EXPECT_NO_THROW(Buffer(device, BufferUse::Device, 1 << 20, "weights")) << "once there is memory again";
  EXPECT_TRUE(host.messages().take().empty());
}

}  // namespace
}  // namespace rivulet::vk
