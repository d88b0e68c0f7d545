#include "vk/gpu_timer.h"

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
  if (!readTicks(ticks)) return {};
  return timestampsToMicroseconds(ticks, device_->caps().timestampValidBits, device_->caps().timestampPeriodNs);
}

std::size_t GpuTimer::read(std::span<double> microseconds) {
  if (!pool_ || used_ == 0) return 0;
  const std::span<std::uint64_t> ticks = std::span(ticks_).first(used_);
  if (!readTicks(ticks)) return 0;
  timestampsToMicroseconds(ticks, device_->caps().timestampValidBits, device_->caps().timestampPeriodNs, microseconds);
  return used_;
}

bool GpuTimer::readTicks(std::span<std::uint64_t> ticks) const {
  const VkResult result = device_->fn().GetQueryPoolResults(
      device_->handle(), pool_, 0, static_cast<std::uint32_t>(ticks.size()), ticks.size_bytes(), ticks.data(),
      sizeof(std::uint64_t), VK_QUERY_RESULT_64_BIT);
  if (result == VK_NOT_READY) return false;
  check(result, "vkGetQueryPoolResults(timestamps)");
  return true;
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
