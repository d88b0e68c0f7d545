#pragma once
// Convolution on matrix units (VK_KHR_cooperative_matrix): an implicit matrix product of halves, summed in floats. One
// dispatch, with the norm of its input and the sums of squares for the norm of its output folded in.

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/coopmat_tile.h"
#include "ops/norm.h"

namespace rivulet::ops {

/// Appends the dispatch of a convolution whose shapes were checked; returns `out` (upsampled where asked for). With
/// `norm`, an RMS norm of the input (of both inputs together) and its activation are applied while it is read, which
/// needs Graph::pixelSquares of the inputs; `inputs.prologue` is not looked at then.
graph::Tensor coopmatConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                            const TensorDesc& out, const Conv2dPlan& plan, const NormDesc* norm = nullptr);

}  // namespace rivulet::ops
