#include "vk/gpu_timer.h"

#include <cstring>
#include <utility>

#include "core/error.h"

namespace rivulet::vk {

GpuTimer::GpuTimer(std::shared_ptr<Device> device, std::uint32_t capacity)
    : device_(std::move(device)), capacity_(capacity) {
  if (!device_->caps().timestamps || capacity == 0) return;
  ticks_.resize(capacity);
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = capacity;
  check(device_->fn().CreateQueryPool(device_->handle(), &info, nullptr, &pool_), "vkCreateQueryPool(timestamps)");
  device_->setName(VK_OBJECT_TYPE_QUERY_POOL, pool_, "rivulet timestamps");
}

GpuTimer::~GpuTimer() {
  if (pool_) device_->fn().DestroyQueryPool(device_->handle(), pool_, nullptr);
}

void GpuTimer::begin(VkCommandBuffer commands) {
  used_ = 0;
  if (pool_) device_->fn().CmdResetQueryPool(commands, pool_, 0, capacity_);
}

std::uint32_t GpuTimer::mark(VkCommandBuffer commands) {
  if (!pool_ || used_ == capacity_) return UINT32_MAX;
  device_->fn().CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, used_);
  return used_++;
}

std::vector<double> GpuTimer::read() const {
  if (!pool_ || used_ == 0) return {};
  std::vector<std::uint64_t> ticks(used_);
  const VkResult result =
      device_->fn().GetQueryPoolResults(device_->handle(), pool_, 0, used_, ticks.size() * sizeof(std::uint64_t),
                                        ticks.data(), sizeof(std::uint64_t), VK_QUERY_RESULT_64_BIT);
  if (result == VK_NOT_READY) return {};
  check(result, "vkGetQueryPoolResults(timestamps)");
  return timestampsToMicroseconds(ticks, device_->caps().timestampValidBits, device_->caps().timestampPeriodNs);
}

void GpuTimer::copy(VkCommandBuffer commands, const Buffer& buffer, std::uint64_t offset) const {
  if (!pool_ || used_ == 0) return;
  const DeviceFunctions& fn = device_->fn();
  fn.CmdCopyQueryPoolResults(commands, pool_, 0, used_, buffer.handle(), offset, sizeof(std::uint64_t),
                             VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  fn.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                        nullptr, 0, nullptr);
}

std::size_t GpuTimer::read(const Buffer& buffer, std::uint64_t offset, std::span<double> microseconds) {
  if (!pool_ || used_ == 0) return 0;
  const std::span<std::uint64_t> ticks = std::span(ticks_).first(used_);
  std::memcpy(ticks.data(), buffer.mapped().data() + offset, ticks.size_bytes());
  timestampsToMicroseconds(ticks, device_->caps().timestampValidBits, device_->caps().timestampPeriodNs, microseconds);
  return used_;
}

std::vector<double> timestampsToMicroseconds(std::span<const std::uint64_t> ticks, std::uint32_t validBits,
                                             double periodNs) {
  std::vector<double> result(ticks.size());
  timestampsToMicroseconds(ticks, validBits, periodNs, result);
  return result;
}

void timestampsToMicroseconds(std::span<const std::uint64_t> ticks, std::uint32_t validBits, double periodNs,
                              std::span<double> result) {
  // Bits above the valid ones are undefined; the counter may wrap once between neighbours, so differences are taken
  // modulo 2^validBits.
  const std::uint64_t mask = validBits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << validBits) - 1;
  std::uint64_t elapsed = 0;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    if (i != 0) elapsed += (ticks[i] - ticks[i - 1]) & mask;
    result[i] = static_cast<double>(elapsed) * periodNs * 1e-3;
  }
}

}  // namespace rivulet::vk
