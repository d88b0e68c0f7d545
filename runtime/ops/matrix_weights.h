#pragma once
// Weights of the kernels that multiply matrices on software devices: Winograd's products (ops/winograd.h) and
// convolutions of single pixels (ops/pointwise.h).

#include <cstdint>
#include <vector>

#include "tensor/tensor_desc.h"

namespace rivulet::ops {

/// How a product of [rows, inputs] with [inputs, outputs] is cut up: a function of the channels alone.
struct MatrixTile {
  std::uint32_t lanes = 8;    // of a subgroup
  std::uint32_t vectors = 1;  // of `lanes` outputs a subgroup makes: 1 or even
  std::uint32_t depth = 8;    // inputs whose weights it holds
  std::uint32_t rows = 1;     // in one turn of its loop
};

/// Channels are padded ones. Pure.
MatrixTile winogradTile(std::uint32_t inputs, std::uint32_t outputs, std::uint32_t lanes);
/// `outputs` is a multiple of 2 lanes; the whole depth is held.
MatrixTile pointwiseTile(std::uint32_t inputs, std::uint32_t outputs, std::uint32_t lanes);

/// [O,I,3,3] to G g G^T as [36][O / (lanes vectors)][I / 2][vectors][lanes][2], rows as in Conv2dWeightLayout. A lane's
/// output in vector q: of vectors 2p and 2p + 1 together it has the neighbours 2 lane and 2 lane + 1.
std::vector<float> packWinogradWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                      const MatrixTile& tile);
/// [O,I,1,1] in the same layout, of one matrix.
std::vector<float> packPointwiseWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                       const MatrixTile& tile);

}  // namespace rivulet::ops
