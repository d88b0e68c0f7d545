#pragma once
// How a convolution that stages its operands is cut up: a pure function of the device and the shape.

#include <cstdint>
#include <vector>

#include "ops/conv2d_plan.h"
#include "vk/device_caps.h"

namespace rivulet::ops {

/// Channels whose squares are summed in one plane (Graph::pixelSquares): of columns there are more in small batches,
/// and the order of the sums must not depend on that.
constexpr std::uint32_t kSquaresPlane = 32;

/// Bytes of shared memory that shaders/ops/staging.glsl declares. `normed`: with a norm of its input.
std::uint32_t stagedSharedBytes(const StagedTile& tile, const Conv2dShape& shape, bool normed, bool squares);

/// Tiles that fit, from what reuses most of what it stages to what makes most workgroups. All give the same bits, and
/// for bytes those of dot products are the same as those of matrix units.
struct StagedTiles {
  std::vector<StagedTile> tiles;
  std::uint32_t usual = 0;  // where nothing has been measured: the first that makes enough workgroups
};

/// No tiles: the device has no matrix units for halves summed in floats, or nothing that multiplies bytes where the
/// shape is quantised, or the shape does not fit.
/// Thread-safety: any thread.
StagedTiles stagedTiles(const vk::DeviceCaps& caps, const Conv2dShape& shape);

}  // namespace rivulet::ops
