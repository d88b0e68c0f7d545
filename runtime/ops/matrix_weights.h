#pragma once
// Weights of the kernels that multiply matrices on software devices: Winograd's products (ops/winograd.h) and
// convolutions without loops (ops/unrolled.h).

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

/// [O,I,k,k] as [columns][k*k][rows][vectors][lanes]: rows as in Conv2dWeightLayout. A column is `vectors` times
/// `lanes` outputs; of two vectors the value [q][lane] belongs to output 2 lane + q, of one to output `lane`. Behind
/// all of them are zeros, as many as the wider input has channels, padded.
struct UnrolledWeightLayout {
  std::uint32_t channels1 = 0, channels2 = 0;  // of x and x2, unpadded
  std::uint32_t vectors = 2, lanes = 8;
  std::size_t rows() const;
  std::size_t elements(const HostTensor& weight) const;
};
/// The padded outputs must be a multiple of vectors times lanes.
std::vector<float> packUnrolledWeight(const HostTensor& weight, const UnrolledWeightLayout& layout);

}  // namespace rivulet::ops
