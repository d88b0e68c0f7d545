#pragma once
// 3×3 convolution of stride 1 by Winograd's minimal filtering, F(4×4, 3×3): 36 multiplications make the 4×4 results
// that take 144 directly. A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4.3,
// gives the transforms B, G and A. Three passes: transform the input, 36 matrix products, transform the result. Of small
// images with few channels one dispatch makes them all, of others each is a dispatch.
//
// It pays where arithmetic is dear: software devices (docs/performance.md). Its intermediate
// values are always float. The error is about ten times that of the direct sum.

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/conv2d_plan.h"
#include "ops/norm.h"

namespace rivulet::ops {

/// Appends the dispatches of a convolution for which `plan.winograd` is set and whose shapes were checked; returns
/// `out`. With `norm`, an RMS norm of the input (of both inputs together) and its activation are applied while it is
/// read; `inputs.prologue` is not looked at.
graph::Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                             const TensorDesc& out, const Conv2dPlan& plan, const NormDesc* norm = nullptr);

/// About what the passes hand on, of one image of `tiles` tiles of 4×4 pixels: without the tiles, and the channels
/// beyond multiples of 8, that only fill up workgroups and subgroups.
constexpr std::uint64_t winogradScratchBytes(std::uint64_t tiles, std::uint32_t inputs, std::uint32_t outputs) {
  return tiles * 36 * (inputs + outputs) * sizeof(float);
}

/// Graph::pixelSquares of x; appends what makes them unless that has been done.
graph::Tensor pixelSquares(graph::Graph& graph, graph::Tensor x);

}  // namespace rivulet::ops
