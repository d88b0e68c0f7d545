#pragma once
// Convolution of single pixels, 1×1 with stride 1, as the matrix product it is: [pixels, inputs] · [inputs, outputs].
// For software devices, where ops/conv2d is slower.

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/conv2d_plan.h"

namespace rivulet::ops {

/// Appends the dispatch of a convolution for which `plan.pointwise` is set and whose shapes were checked; returns
/// `out`, or with desc.upsample twice its size. `inputs.prologue` is not looked at.
graph::Tensor pointwiseConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                              const TensorDesc& out, const Conv2dPlan& plan);

}  // namespace rivulet::ops
