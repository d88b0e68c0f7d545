#include "plugin/plugin_host.h"

#include <chrono>
#include <thread>

#include "vk/buffer.h"

namespace rivulet::test {

void PluginHost::open() {
  own_ = vk::Device::import(device_.info());
  stream_ = std::make_unique<vk::CommandStream>(own_);
}

PluginHost::~PluginHost() {
  stream_->waitIdle();
  if (context_.id != 0) {
    EXPECT_EQ(api().destroyContext(context_, UINT64_MAX, 0), RVL_SUCCESS) << api().lastError();
  }
  stream_.reset();
  own_.reset();
}

RvlModel PluginHost::load(std::span<const std::byte> file) {
  auto info = sized<RvlModelInfo>();
  info.data = file.data();
  info.size = file.size();
  info.name = "tiny";
  RvlModel handle{};
  EXPECT_EQ(api().loadModel(context_, &info, &handle), RVL_SUCCESS) << api().lastError();
  return handle;
}

std::uint64_t PluginHost::frame(double budget) {
  if (mode_ == RVL_MODE_ASYNC) {
    auto info = sized<RvlTickInfo>();
    info.budget_us = budget;
    auto result = sized<RvlTickResult>();
    EXPECT_EQ(api().tick(context_, &info, &result), RVL_SUCCESS) << api().lastError();
    return result.serial;
  }
  auto info = sized<RvlRecordInfo>();
  info.command_buffer = stream_->begin("the host's frame");
  info.budget_us = budget;
  auto result = sized<RvlRecordResult>();
  EXPECT_EQ(api().record(context_, &info, &result), RVL_SUCCESS) << api().lastError();
  vk::SubmitSync sync;
  if (result.serial != 0) {
    sync.signal = result.semaphore;
    sync.signalValue = result.serial;
  }
  stream_->wait(stream_->submit(sync));
  return result.serial;
}

RvlRequestStatus PluginHost::poll(RvlRequest request) {
  auto status = sized<RvlRequestStatus>();
  EXPECT_EQ(api().poll(context_, request, &status), RVL_SUCCESS) << api().lastError();
  return status;
}

RvlRequestState PluginHost::finish(RvlRequest request, double budget) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (std::chrono::steady_clock::now() < deadline) {
    const std::uint64_t serial = frame(budget);
    auto status = sized<RvlRequestStatus>();
    if (api().poll(context_, request, &status) != RVL_SUCCESS) break;
    if (status.state > RVL_STATE_RECORDED) return status.state;
    if (serial == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // compiling
  }
  ADD_FAILURE() << "a request took more than five minutes, or there is none of this handle";
  return poll(request).state;
}

std::vector<std::byte> PluginHost::read(VkImage image, VkImageLayout layout, std::uint32_t level, std::uint32_t width,
                                        std::uint32_t height, std::uint64_t bytes) {
  const auto accessOf = [](VkImageLayout of) -> VkAccessFlags {
    return of == VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL ? VK_ACCESS_SHADER_READ_BIT
           : of == VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL   ? VK_ACCESS_TRANSFER_WRITE_BIT
                                                          : VK_ACCESS_TRANSFER_READ_BIT;
  };
  constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  const auto barrierOf = [&](VkImageLayout from, VkImageLayout to) {
    VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    barrier.srcAccessMask = accessOf(from);
    barrier.dstAccessMask = accessOf(to);
    barrier.oldLayout = from;
    barrier.newLayout = to;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image;
    barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, level, 1, 0, 1};
    return barrier;
  };
  const vk::Buffer buffer(own_, vk::BufferUse::Readback, bytes, "texels read back");
  const VkCommandBuffer commands = stream_->begin("read an image");
  const vk::DeviceFunctions& fn = own_->fn();
  VkImageMemoryBarrier barrier = barrierOf(layout, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  fn.CmdPipelineBarrier(commands, kStages, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr, 0, nullptr, 1, &barrier);
  VkBufferImageCopy region{};
  region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1};
  region.imageExtent = {width, height, 1};
  const auto copy = reinterpret_cast<PFN_vkCmdCopyImageToBuffer>(
      own_->instanceFn().GetDeviceProcAddr(own_->handle(), "vkCmdCopyImageToBuffer"));
  copy(commands, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer.handle(), 1, &region);
  barrier = barrierOf(VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, layout);
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, kStages, 0, 0, nullptr, 0, nullptr, 1, &barrier);
  VkMemoryBarrier toHost{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  toHost.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  toHost.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &toHost, 0, nullptr,
                        0, nullptr);
  stream_->wait(stream_->submit());
  buffer.invalidate();
  return {buffer.mapped().begin(), buffer.mapped().end()};
}

RvlRequestInfo requestInfo(RvlModel model, std::uint64_t seed, std::uint32_t steps) {
  auto info = sized<RvlRequestInfo>();
  info.model = model;
  info.class_count = 1;
  info.classes[0] = {0, 1.0f};
  info.seed = seed;
  info.steps = steps;
  info.target.format = VK_FORMAT_R8G8B8A8_UNORM;
  info.target.mip_levels = 1;
  return info;
}

}  // namespace rivulet::test
