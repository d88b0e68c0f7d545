#pragma once
// 3×3 convolution of stride 1 by Winograd's minimal filtering, F(4×4, 3×3): 36 multiplications make the 4×4 results
// that take 144 directly. A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4.3,
// gives the transforms B, G and A. Three dispatches: transform the input, 36 matrix products, transform the result.
//
// It pays where arithmetic is dear and dispatches are cheap: software devices (docs/performance.md). Its intermediate
// values are always float. The error is about ten times that of the direct sum.

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/conv2d_plan.h"
#include "ops/norm.h"

namespace rivulet::ops {

/// How the 36 products are cut up: a function of the channels alone.
struct WinogradTile {
  std::uint32_t lanes = 8;    // of a subgroup
  std::uint32_t vectors = 1;  // of `lanes` outputs a subgroup makes: 1 or even
  std::uint32_t depth = 8;    // input channels whose weights it holds
  std::uint32_t rows = 1;     // tiles in one turn of its loop
};

/// Channels are padded ones. Pure.
WinogradTile winogradTile(std::uint32_t inputs, std::uint32_t outputs, std::uint32_t lanes);

/// [O,I,3,3] to G g G^T as [36][O / (lanes vectors)][I / 2][vectors][lanes][2], rows as in Conv2dWeightLayout. A lane's
/// output in vector q: of vectors 2p and 2p + 1 together it has the neighbours 2 lane and 2 lane + 1.
std::vector<float> packWinogradWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                      const WinogradTile& tile);

/// Appends the dispatches of a convolution for which `plan.winograd` is set and whose shapes were checked; returns
/// `out`. With `norm`, an RMS norm of the input (of both inputs together) and its activation are applied while it is
/// read; `inputs.prologue` is not looked at.
graph::Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                             const TensorDesc& out, const Conv2dPlan& plan, const NormDesc* norm = nullptr);

/// Graph::pixelSquares of x; appends what makes them unless that has been done.
graph::Tensor pixelSquares(graph::Graph& graph, graph::Tensor x);

}  // namespace rivulet::ops
