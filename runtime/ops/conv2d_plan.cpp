#include "ops/conv2d_plan.h"

#include <algorithm>
#include <bit>

#include "ops/op_support.h"
#include "ops/unrolled.h"
#include "ops/winograd.h"

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kMinLanes = 8, kMaxLanes = 64;  // what conv2d.comp is written for

/// The subgroup size the kernel is specialised for, or 0 if it cannot be known.
std::uint32_t knownSubgroupSize(const vk::DeviceCaps& caps) {
  const std::uint32_t size = caps.subgroupSize;
  if (!caps.subgroupBallot || size < kMinLanes || size > kMaxLanes || !std::has_single_bit(size)) return 0;
  if (!caps.knownSubgroupSize()) return 0;
  return size;
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

/// Software devices. Measured on lavapipe 25.0.7 (256-bit vectors, AVX-512 processor), GFLOP/s per core, fp32; the
/// register-only ceiling of the same core is about 128. docs/performance.md says why it is so.
///
///   3x3, tile x vectors, parts     64->64 64x64   128->128 32x32   96->96 8x8   16->16 64x64
///   8x8 x1, 2 parts (chosen)            58             59              48..58         46
///   8x8 x1, 1 part                      55
///   8x4 x2, 2 parts                     55             58              55             43
///   4x4 x4, 2 parts                     48                             46
///   8x8 x2, 2 parts                     41             45              38      27 KB of code instead of 12
///   16x8 x1, 2 parts                    45
///
///   3x3 stride 2                   32->64 16x16   64->96 8x8
///   8x4 x2, 1 part                      42            40
///   8x4 x2, 2 parts                     30            30
///   8x8 x1, 2 parts                     34            33
///   4x4 x4, 2 parts (chosen)       0.89 to 0.97 of the time of the first (AVX2 alone, ten shapes, in turns)
///
///   1x1 (stride 2, many channels)  64->32 16x16   128->64 16x16
///   8x4 x4 (chosen)                  14..23           28
///   8x4 x2                             12             24
void planSoftware(Conv2dPlan& plan, const Conv2dShape& shape) {
  plan.rollStores = true;
  plan.local = plan.lanes;
  const std::uint32_t vectors = ceilDiv(shape.outputs, plan.lanes);
  if (shape.kernel == 1) {
    plan.vectors = vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
    fitTile(plan, shape, 32);
    plan.steps = 8 / plan.values;
  } else if (shape.stride == 2) {
    // A value read reaches two taps and a quarter on average: many outputs must share it.
    plan.vectors = vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
    fitTile(plan, shape, plan.vectors == 4 ? 16 : 32);
    plan.parts = plan.vectors == 4 ? plan.values : plan.values / 2;
  } else {
    fitTile(plan, shape, 64);
    plan.parts = plan.values;
  }
}

/// GPUs: 16 sums an invocation, 64 invocations, everything unrolled. A sane default, not a measured one.
void planGpu(Conv2dPlan& plan, const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  const std::uint32_t limit = std::min(caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]);
  plan.local = std::max(plan.lanes, std::min(64u, limit / plan.lanes * plan.lanes));
  if (caps.maxWorkgroupSubgroups != 0) plan.local = std::min(plan.local, caps.maxWorkgroupSubgroups * plan.lanes);
  fitTile(plan, shape, 16);
}

/// Whether an image has enough to do for kernels of straight code, which take the driver's compiler longer. Below, all
/// that they could save is some 0.1 ms; with them a network of few channels took 1.45 times as long to start.
bool isWorthCompiling(const Conv2dShape& shape) {
  constexpr std::uint64_t kFewestProducts = 1u << 20;
  return std::uint64_t{shape.outWidth} * shape.outHeight * shape.inputs * shape.outputs * 9 >= kFewestProducts;
}

/// Whether Winograd's way is taken: where there are channels enough to pay for its transforms, and where what its
/// passes hand on is not too large. Not a function of the batch, which must not change a texture. Its kernels need
/// 64-bit loads.
///
///   % of the ceiling, AVX2   64->64  128->128  128->128  32->32   32->32  64->64
///                            64x64   32x32     16x16     128x128  32x32   16x16
///   Winograd, one core          88       110       124       54      83     105
///   two                         68        89        69       38      28      41
///
/// The sum written out takes 1.5 to 2.4 times as long from 32 outputs on (one core), and as long as this for 16, in one
/// dispatch.
///
/// A few tiles pay for its fourfold weights as well: 96->96 at 8x8 takes 0.14 ms instead of the direct kernel's 0.44
/// (one core), 192->192 0.46 instead of 1.75; even at 4x4, where three of four tiles multiplied are padding, 0.13
/// instead of 0.43.
bool isWinograd(const Conv2dPlan& plan, const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  constexpr std::uint32_t kFewestInputs = 16, kFewestOutputs = 32, kMostLanes = 16;
  constexpr std::uint64_t kMostScratch = 256u << 20;  // bytes, of one image
  constexpr std::uint32_t kMostInputs = 256;          // the products' loop over them is unrolled
  const std::uint64_t tiles = std::uint64_t{ceilDiv(shape.outWidth, 4)} * ceilDiv(shape.outHeight, 4);
  return caps.isSoftware() && plan.wide && plan.lanes <= kMostLanes && shape.outputs % plan.lanes == 0 &&
         shape.kernel == 3 && shape.stride == 1 && shape.padding != Padding::ZeroAfter &&
         shape.inputs >= kFewestInputs && shape.outputs >= kFewestOutputs && shape.inputs <= kMostInputs &&
         isWorthCompiling(shape) && winogradScratchBytes(tiles, shape.inputs, shape.outputs) <= kMostScratch;
}

/// Whether Winograd's passes are one dispatch. It is for images of up to 64×64, of which three dispatches cost more
/// than they do. Its code is long: on one core it takes 1.1 times as long, and the driver's compiler takes seconds, so
/// there may be few inputs only. The bits are the same either way; still only the image decides, not the batch.
bool isTogether(const Conv2dShape& shape) {
  constexpr std::uint32_t kMostInputs = 64, kMostTiles = 256;
  const std::uint64_t tiles = std::uint64_t{ceilDiv(shape.outWidth, 4)} * ceilDiv(shape.outHeight, 4);
  return shape.inputs <= kMostInputs && tiles <= kMostTiles;
}

/// Equal parts of a long sum's inputs: of up to 32 channels, and of 16 at least; 0: they cannot be cut like that.
std::uint32_t equalParts(std::uint32_t inputs) {
  constexpr std::uint32_t kMost = 32, kFewest = 16;
  for (std::uint32_t parts = ceilDiv(inputs, kMost); inputs / parts >= kFewest; ++parts) {
    if (inputs % (parts * kChannelAlignment) == 0) return parts;
  }
  return 0;
}

/// Whether the sum is written out (ops/unrolled.h), and in how many parts; 0: it is not. Not a function of the batch.
/// What the driver's compiler takes for a 3×3 kernel grows faster than its channels (docs/performance.md), so it has at
/// most 64, and more are summed in parts: of 32, as 64 take 1.12 to 1.17 times less to run and twice as long to
/// compile. That is for strides of 2 alone: otherwise Winograd's way is faster.
std::uint32_t unrolledParts(const Conv2dPlan& plan, const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  constexpr std::uint32_t kMostLanes = 16, kMostInputs = 256, kMostInputs3x3 = 64, kLargePixels = 256;
  if (!caps.isSoftware() || !plan.wide || plan.lanes > kMostLanes) return 0;
  const std::uint32_t vectors = unrolledVectors(shape.outputs, plan.lanes);
  if (vectors == 0 || shape.inputs > kMostInputs) return 0;
  if (shape.kernel == 1) return shape.stride == 1 ? 1 : 0;
  const bool large = std::uint64_t{shape.outWidth} * shape.outHeight >= kLargePixels;
  if (!large && !isWorthCompiling(shape)) return 0;
  if (shape.inputs <= kMostInputs3x3) return 1;
  return shape.stride == 2 && vectors == 2 && !shape.twoInputs ? equalParts(shape.inputs) : 0;
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
  plan.winograd = isWinograd(plan, caps, shape);
  plan.together = plan.winograd && isTogether(shape);
  const std::uint32_t parts = unrolledParts(plan, caps, shape);
  plan.unrolled = parts != 0;
  plan.sumParts = std::max(1u, parts);
  if (caps.isSoftware()) {
    planSoftware(plan, shape);
  } else {
    planGpu(plan, caps, shape);
  }
  return plan;
}

}  // namespace rivulet::ops
