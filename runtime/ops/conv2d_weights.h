#pragma once
// Convolution weights as the kernels want them.

#include <cstdint>
#include <vector>

#include "tensor/tensor_desc.h"

namespace rivulet::ops {

/// [O,I,k,k] to [tiles][rows / values][k*k][lanes][values]: output channel tile * lanes + lane, input row row * values
/// + value, where the rows are the channels of x padded to 8, then those of x2 padded to 8. What has no weight is 0.
struct Conv2dWeightLayout {
  std::uint32_t channels1 = 0, channels2 = 0;  // of x and x2, unpadded
  std::uint32_t tiles = 1, lanes = 8, values = 4;
  std::uint64_t elements(std::uint32_t kernel) const;
};

std::vector<float> packConv2dWeight(const HostTensor& weight, const Conv2dWeightLayout& layout);

}  // namespace rivulet::ops
