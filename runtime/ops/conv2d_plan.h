#pragma once
// Which kernel a convolution runs on, and with which tile: a pure function of the device and the shape.

#include <cstdint>
#include <optional>

#include "graph/tuning.h"
#include "ops/padding.h"
#include "tensor/tensor_desc.h"
#include "vk/device_caps.h"

namespace rivulet::ops {

/// What the choice depends on. Channels are padded ones, of both inputs together.
struct Conv2dShape {
  std::uint32_t n = 1, outHeight = 1, outWidth = 1;
  std::uint32_t inputs = 8, outputs = 8;
  std::uint32_t kernel = 3, stride = 1;
  Padding padding = Padding::Circular;
  DataType storage = DataType::F32;
  bool quantized = false;  // multiplied in bytes
  bool twoInputs = false;  // `inputs` are channels of two tensors
};

/// What multiplies a staged tile.
enum class StagedProduct {
  Halves,  // matrix units, summed in floats
  Bytes,   // matrix units, summed in integers
  Dot,     // dot products of four bytes, the same sums; there a subgroup is any `lanes` invocations
};

/// A fragment is what matrix units multiply at once: m pixels × n outputs, k channels deep. What decides the order of
/// the sums (k, blockChannels, tapSubgroups) is a function of one image's shape: a batch must not change a texture.
/// Sums of bytes are exact, so that their order does not matter.
struct StagedTile {
  StagedProduct product = StagedProduct::Halves;
  std::uint32_t lanes = 32;  // invocations of a subgroup
  std::uint32_t m = 16, n = 16, k = 16;
  std::uint32_t pixelFragments = 1, outputFragments = 1;  // of a subgroup
  std::uint32_t pixelSubgroups = 1, outputSubgroups = 1, tapSubgroups = 1;
  std::uint32_t blockChannels = 32;  // staged at once
  std::uint32_t tileX = 16, tileY = 1;
  std::uint32_t tilesX = 1, tilesY = 1, columns = 1;

  std::uint32_t subgroups() const { return pixelSubgroups * outputSubgroups * tapSubgroups; }
  std::uint32_t columnOutputs() const { return outputSubgroups * outputFragments * n; }
  bool operator==(const StagedTile&) const = default;
};

struct Conv2dPlan {
  graph::Choice choice;              // between staged tiles
  std::optional<StagedTile> staged;  // ops/conv2d_staged.h, of which only `requiredSize` matters besides
  bool winograd = false;             // ops/winograd.h, of which only `lanes` and `requiredSize` matter
  bool together = false;             // its passes in one dispatch, where the device's workgroups are large enough
  bool unrolled = false;             // ops/unrolled.h, likewise
  std::uint32_t sumParts = 1;        // of its inputs, each of which is summed by itself
  bool subgroup = false;             // ops/conv2d; otherwise ops/conv2d_plain, of which only `local` matters
  bool wide = false;                 // its variant with 64-bit loads
  std::uint32_t local = 64;          // invocations of a workgroup
  std::uint32_t lanes = 8;           // of a subgroup
  std::uint32_t requiredSize = 0;    // subgroup size the pipeline asks for; 0: the device has only one
  std::uint32_t tileX = 8, tileY = 8;
  std::uint32_t vectors = 1;  // of `lanes` output channels a subgroup makes
  std::uint32_t values = 4;   // channels of one load
  std::uint32_t steps = 1;    // loads of that size that are unrolled
  std::uint32_t parts = 1;    // rolled parts a load is multiplied in
  bool rollStores = false;    // one copy of the code that finishes a pixel
};

/// Pure and deterministic. Thread-safety: any thread.
Conv2dPlan chooseConv2dPlan(const vk::DeviceCaps& caps, const Conv2dShape& shape);

}  // namespace rivulet::ops
