#pragma once
// Weights of the kernels that multiply matrices on software devices: Winograd's products (ops/winograd.h) and
// convolutions of single pixels (ops/pointwise.h).

#include <cstdint>
#include <vector>

#include "tensor/tensor_desc.h"

namespace rivulet::ops {

/// [O,I,3,3] to G g G^T as [36][columns][rows][2][lanes]. Rows are channels of the first input and then of the second,
/// each padded to groups of 2 lanes; a column is 2 lanes of outputs, and its value [q][lane] belongs to the output that
/// winogradOutput(2 lane + q, lanes) says.
std::vector<float> packWinogradWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                      std::uint32_t lanes);
/// Which output of a column is value `at` of what the products leave. Its reader takes values `lane` and lanes + lane,
/// and wants neighbours.
constexpr std::uint32_t winogradOutput(std::uint32_t at, std::uint32_t lanes) {
  return at < lanes ? 2 * at : 2 * (at - lanes) + 1;
}
/// Channels padded to groups of 2 lanes: what packWinogradWeight() does to each input and to the outputs.
constexpr std::uint32_t winogradChannels(std::uint32_t channels, std::uint32_t lanes) {
  return (channels + 2 * lanes - 1) / (2 * lanes) * (2 * lanes);
}
/// [O,I,1,1] as [columns][rows][2][lanes]: rows as in Conv2dWeightLayout, a column is 2 lanes of outputs and its value
/// [q][lane] belongs to output 2 lane + q.
std::vector<float> packPointwiseWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                       std::uint32_t lanes);

}  // namespace rivulet::ops
