#pragma once
// Convolution that is one run of code without a loop: 1×1 of stride 1, and 3×3 whose whole sum is written out: of few
// channels, or in parts of as many. For software devices, where ops/conv2d is slower: docs/performance.md, "Winograd",
// says why.

#include "graph/graph.h"
#include "ops/conv2d.h"
#include "ops/conv2d_plan.h"

namespace rivulet::ops {

/// Appends the dispatch, or of plan.sumParts the two, of a convolution for which `plan.unrolled` is set and whose
/// shapes were checked; returns `out`, or with desc.upsample twice its size. `inputs.prologue` is not looked at.
graph::Tensor unrolledConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                             const TensorDesc& out, const Conv2dPlan& plan);

/// Vectors of `lanes` outputs that a subgroup makes: 2 where they fill them, else 1, and 0 where not even that does.
constexpr std::uint32_t unrolledVectors(std::uint32_t outputs, std::uint32_t lanes) {
  return outputs % (2 * lanes) == 0 ? 2 : outputs % lanes == 0 ? 1 : 0;
}

}  // namespace rivulet::ops
