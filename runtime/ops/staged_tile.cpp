#include "ops/staged_tile.h"

#include <algorithm>
#include <iterator>

#include "ops/op_support.h"
#include "tensor/tensor_desc.h"

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kUnit = 8;  // channels that are staged together: halves in 16 bytes, or bytes in 8

/// The largest of the device's shapes that the kernel's layout in memory allows.
const vk::CooperativeMatrixShape* chooseShape(const vk::DeviceCaps& caps, VkComponentTypeKHR factor,
                                              VkComponentTypeKHR sum) {
  constexpr std::uint32_t kDeepest = 32;
  const vk::CooperativeMatrixShape* best = nullptr;
  for (const vk::CooperativeMatrixShape& shape : caps.cooperativeMatrixShapes) {
    const bool types = shape.a == factor && shape.b == factor && shape.c == sum && shape.result == sum;
    const bool fits = shape.m % kUnit == 0 && shape.n % kUnit == 0 && shape.k % kUnit == 0 && kDeepest % shape.k == 0;
    if (!types || !fits) continue;
    if (!best || shape.m * shape.n * shape.k > best->m * best->n * best->k) best = &shape;
  }
  return best;
}

/// A tile of which only the product and its fragments are known; none: the device cannot multiply so.
std::optional<StagedTile> productOf(const vk::DeviceCaps& caps, bool quantized) {
  StagedTile tile;
  tile.lanes = caps.subgroupSize;
  const vk::CooperativeMatrixShape* fragment = nullptr;
  if (!quantized) {
    fragment = chooseShape(caps, VK_COMPONENT_TYPE_FLOAT16_KHR, VK_COMPONENT_TYPE_FLOAT32_KHR);
  } else if (caps.shaderInt8) {
    fragment = chooseShape(caps, VK_COMPONENT_TYPE_SINT8_KHR, VK_COMPONENT_TYPE_SINT32_KHR);
    tile.product = StagedProduct::Bytes;
  }
  if (caps.cooperativeMatrix && caps.knownSubgroupSize() && fragment != nullptr) {
    tile.m = fragment->m;
    tile.n = fragment->n;
    tile.k = fragment->k;
    return tile;
  }
  if (!quantized || !caps.integerDotProduct) return std::nullopt;
  tile.product = StagedProduct::Dot;
  tile.lanes = 32;
  tile.m = tile.n = 16;
  tile.k = kUnit;
  return tile;
}

/// What a workgroup makes, at most.
struct Candidate {
  std::uint32_t pixels, outputs;  // of a subgroup
  std::uint32_t pixelSubgroups, outputSubgroups;
};

// From what reuses most of what it stages to what makes most workgroups.
constexpr Candidate kCandidates[] = {{64, 64, 4, 2}, {64, 64, 2, 2}, {64, 64, 2, 1}, {32, 64, 4, 1}, {32, 64, 2, 1},
                                     {32, 32, 2, 2}, {32, 32, 2, 1}, {32, 32, 1, 1}, {16, 32, 1, 1}};
constexpr std::uint32_t kBusy = 512;     // subgroups that fill a device
constexpr std::uint32_t kMostSums = 64;  // of one invocation that keeps them itself

std::uint32_t haloWidth(const StagedTile& tile, const Conv2dShape& shape) {
  return (tile.tileX - 1) * shape.stride + shape.kernel;
}

/// Pixels of all fragments that cover the image.
std::uint64_t covered(const StagedTile& tile) {
  return std::uint64_t{tile.tilesX} * tile.tilesY * tile.pixelSubgroups * tile.pixelFragments * tile.m;
}

/// A tile `width` wide of as many rows as `pixels` allow, and no more of them than an even share of the image's.
std::optional<StagedTile> withWidth(StagedTile tile, const Conv2dShape& shape, std::uint32_t width,
                                    std::uint32_t pixels) {
  tile.tileX = width;
  const bool wholeRows = width % tile.m == 0;
  const std::uint32_t pitch = wholeRows ? width : haloWidth(tile, shape);  // rows of fragments that run on
  if (width > pixels) return std::nullopt;
  const std::uint32_t rows = (pixels - width) / pitch + 1;
  tile.tileY = ceilDiv(shape.outHeight, ceilDiv(shape.outHeight, std::min(rows, shape.outHeight)));
  const std::uint32_t positions = (tile.tileY - 1) * pitch + width;
  tile.pixelFragments = ceilDiv(ceilDiv(positions, tile.m), tile.pixelSubgroups);
  tile.tilesX = ceilDiv(shape.outWidth, tile.tileX);
  tile.tilesY = ceilDiv(shape.outHeight, tile.tileY);
  return tile;
}

/// The tile of a candidate that leaves the least outside the image.
StagedTile fitTile(StagedTile tile, const Conv2dShape& shape, std::uint32_t pixels) {
  constexpr std::uint32_t kWidest = 32;
  std::optional<StagedTile> best = withWidth(tile, shape, tile.m, pixels);
  const std::uint32_t share = ceilDiv(shape.outWidth, ceilDiv(shape.outWidth, std::min(kWidest, pixels)));
  for (const std::uint32_t width : {2 * tile.m, share}) {
    const std::optional<StagedTile> other = withWidth(tile, shape, width, pixels);
    if (other && covered(*other) < covered(*best)) best = other;
  }
  return *best;
}

}  // namespace

std::uint32_t stagedSharedBytes(const StagedTile& tile, const Conv2dShape& shape, bool normed, bool squares) {
  const bool bytes = tile.product != StagedProduct::Halves;
  const std::uint32_t unitBytes = bytes ? 8 : 16, sumsPerUnit = unitBytes / 4, gap = 16 / unitBytes;
  const std::uint32_t chunks = tile.blockChannels / kUnit, pitch = chunks + gap;
  const std::uint32_t haloX = haloWidth(tile, shape), halo = haloX * ((tile.tileY - 1) * shape.stride + shape.kernel);
  const std::uint32_t haloPadded = ceilDiv(halo, 4) * 4;
  const std::uint32_t rows = tile.pixelSubgroups * tile.pixelFragments * tile.m;
  const std::uint32_t last = (rows - 1) * shape.stride + (shape.kernel - 1) * (haloX + 1) + 1;
  const std::uint32_t aUnits = (tile.tileX % tile.m == 0 ? halo : std::max(halo, last)) * pitch;
  const std::uint32_t bUnits = tile.tapSubgroups * tile.columnOutputs() * pitch;
  const std::uint32_t blocks = ceilDiv(shape.inputs, tile.blockChannels);
  const std::uint32_t steps = blocks * (shape.kernel * shape.kernel / tile.tapSubgroups);
  const std::uint32_t staged = (blocks > 1 ? 2 : 1) * aUnits + (steps > 1 ? 2 : 1) * bUnits;
  const std::uint32_t sums = tile.subgroups() * tile.m * (tile.outputFragments * tile.n / sumsPerUnit + gap);
  std::uint32_t total = unitBytes * std::max(staged, sums) + 4 * haloPadded;
  total += normed ? 4 * haloPadded + 8 * blocks * tile.blockChannels : 32;
  total += squares ? 4 * tile.pixelSubgroups * tile.m * (tile.columnOutputs() / kUnit) : 16;
  return total;
}

StagedTiles stagedTiles(const vk::DeviceCaps& caps, const Conv2dShape& shape) {
  constexpr std::uint32_t kFewImageTiles = 64;  // of the smallest candidate: less does not fill a device
  if (shape.storage != DataType::F16) return {};
  const std::optional<StagedTile> product = productOf(caps, shape.quantized);
  if (!product) return {};
  StagedTile base = *product;
  base.blockChannels = std::max(base.k, shape.inputs > 16 ? 32u : 16u);
  const std::uint64_t imageTiles =
      std::uint64_t{ceilDiv(shape.outWidth * shape.outHeight, 16)} * ceilDiv(shape.outputs, 32);
  const std::uint32_t limit = std::min(caps.maxWorkgroupInvocations, caps.maxWorkgroupSize[0]);
  const std::uint32_t mostSubgroups =
      std::min(limit / base.lanes, caps.maxWorkgroupSubgroups != 0 ? caps.maxWorkgroupSubgroups : UINT32_MAX);
  base.tapSubgroups = shape.kernel == 3 && imageTiles < kFewImageTiles && mostSubgroups >= 3 ? 3 : 1;

  const auto cut = [&](const Candidate& candidate) {
    StagedTile tile = base;
    tile.pixelSubgroups = candidate.pixelSubgroups;
    const std::uint32_t outputs = ceilDiv(shape.outputs, tile.n) * tile.n;
    tile.outputSubgroups = std::min(candidate.outputSubgroups, ceilDiv(outputs, candidate.outputs));
    tile.columns = ceilDiv(outputs, tile.outputSubgroups * candidate.outputs);
    tile.outputFragments = ceilDiv(ceilDiv(outputs, tile.columns), tile.outputSubgroups * tile.n);
    while (tile.columns > 1 && tile.columnOutputs() % kSquaresPlane != 0) ++tile.outputFragments;
    return fitTile(tile, shape, std::max(candidate.pixels, tile.m) * tile.pixelSubgroups);
  };
  const auto fits = [&](const StagedTile& tile) {
    const std::uint32_t sums = tile.pixelFragments * tile.m * tile.outputFragments * tile.n / tile.lanes;
    return (tile.product != StagedProduct::Dot || sums <= kMostSums) && tile.subgroups() <= mostSubgroups &&
           tile.columns <= caps.maxWorkgroupCount[1] &&
           std::uint64_t{tile.tilesX} * tile.tilesY <= caps.maxWorkgroupCount[0] &&
           stagedSharedBytes(tile, shape, true, true) <= caps.sharedMemory;
  };
  if (!fits(cut(std::end(kCandidates)[-1]))) base.tapSubgroups = 1;

  StagedTiles result;
  bool enough = false;
  for (const Candidate& candidate : kCandidates) {
    const StagedTile tile = cut(candidate);
    if (!fits(tile) || (!result.tiles.empty() && result.tiles.back() == tile)) continue;
    result.tiles.push_back(tile);
    if (enough) continue;
    result.usual = static_cast<std::uint32_t>(result.tiles.size() - 1);
    enough = std::uint64_t{shape.n} * tile.tilesX * tile.tilesY * tile.columns * tile.subgroups() >= kBusy;
  }
  return result;
}

}  // namespace rivulet::ops
