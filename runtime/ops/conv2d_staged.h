#pragma once
// Convolution as an implicit matrix product with staged operands: of halves, summed in floats, on matrix units
// (VK_KHR_cooperative_matrix); of bytes (ops/quantization.h), summed in integers, on matrix units or by dot products.
// One dispatch, with the norm of its input and the sums of squares for the norm of its output folded in.

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/norm.h"
#include "ops/staged_tile.h"

namespace rivulet::ops {

/// Appends the dispatch of a convolution whose shapes were checked; returns `out` (upsampled where asked for). With
/// `norm`, an RMS norm of the input (of both inputs together) and its activation are applied while it is read, which
/// needs Graph::pixelSquares of the inputs; `inputs.prologue` is not looked at then.
graph::Tensor stagedConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                           const TensorDesc& out, const Conv2dPlan& plan, const NormDesc* norm = nullptr);

}  // namespace rivulet::ops
