#pragma once
// What every way to run a convolution begins with.

#include "ops/conv2d.h"
#include "ops/conv2d_plan.h"

namespace rivulet::ops {

/// Refuses what does not fit together (InvalidArgument naming the layer and the shapes); returns the output's shape.
TensorDesc checkConv2d(const graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs);

/// The plan for a convolution that was checked and gives `out`.
Conv2dPlan planConv2d(const graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                      const TensorDesc& out);

/// What a dispatch that makes `y` is counted as: "conv2d 3x3/2 32->64 16x16".
std::string describeConv2d(const Conv2dDesc& desc, const TensorDesc& y);

}  // namespace rivulet::ops
