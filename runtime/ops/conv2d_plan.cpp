#include "ops/conv2d_plan.h"

#include <algorithm>
#include <bit>

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kMinLanes = 8, kMaxLanes = 64;  // what conv2d.comp is written for

/// The subgroup size the kernel is specialised for, or 0 if it cannot be known.
std::uint32_t knownSubgroupSize(const vk::DeviceCaps& caps) {
  const std::uint32_t size = caps.subgroupSize;
  if (!caps.subgroupBallot || size < kMinLanes || size > kMaxLanes || !std::has_single_bit(size)) return 0;
  const bool oneSize = caps.minSubgroupSize == caps.maxSubgroupSize;
  if (!oneSize && !caps.subgroupSizeControl) return 0;
  return size;
}

std::uint32_t ceilDiv(std::uint32_t count, std::uint32_t size) {
  return (count + size - 1) / size;
}

/// The tile of `pixels` pixels, from 16 wide to 2 wide, that leaves the fewest outside the image; the squarest of
/// those.
void fitTile(Conv2dPlan& plan, const Conv2dShape& shape, std::uint32_t pixels) {
  std::uint64_t best = UINT64_MAX;
  for (const std::uint32_t x : {8u, 4u, 16u, 2u}) {
    const std::uint32_t y = std::max(1u, pixels / x);
    const std::uint64_t covered = std::uint64_t{ceilDiv(shape.outWidth, x)} * ceilDiv(shape.outHeight, y) * x * y;
    if (covered < best) {
      best = covered;
      plan.tileX = x;
      plan.tileY = y;
    }
  }
}

void planSoftware(Conv2dPlan& plan, const Conv2dShape& shape) {
  plan.rollStores = true;
  plan.local = plan.lanes;
  const std::uint32_t vectors = ceilDiv(shape.outputs, plan.lanes);
  if (shape.kernel == 1) {
    plan.vectors = vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
    fitTile(plan, shape, 32);
    plan.steps = 8 / plan.values;
    return;
  }
  plan.vectors = 1;
  fitTile(plan, shape, shape.stride == 1 ? 64 : 32);
  if (shape.stride == 2 && vectors % 2 == 0) plan.vectors = 2;
  plan.parts = plan.values;
}

void planGpu(Conv2dPlan& plan, const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  const std::uint32_t limit = std::min(caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]);
  plan.local = std::max(plan.lanes, std::min(64u, limit / plan.lanes * plan.lanes));
  if (caps.maxWorkgroupSubgroups != 0) plan.local = std::min(plan.local, caps.maxWorkgroupSubgroups * plan.lanes);
  fitTile(plan, shape, 16);
}

}  // namespace

Conv2dPlan chooseConv2dPlan(const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  Conv2dPlan plan;
  plan.lanes = knownSubgroupSize(caps);
  plan.subgroup = plan.lanes != 0;
  if (!plan.subgroup) {
    plan.local = caps.isSoftware() ? 8 : std::min({64u, caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]});
    return plan;
  }
  if (caps.subgroupSizeControl) plan.requiredSize = plan.lanes;
  plan.wide = caps.int64 && caps.bufferDeviceAddress && caps.isSoftware();
  plan.values = plan.wide && shape.storage == DataType::F32 ? 2 : 4;
  if (caps.isSoftware()) {
    planSoftware(plan, shape);
  } else {
    planGpu(plan, caps, shape);
  }
  return plan;
}

}  // namespace rivulet::ops
