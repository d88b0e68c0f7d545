#pragma once
// A matrix times a vector per lane: embeddings and their projections. Per-pixel linears are 1×1 convolutions.

#include "graph/graph.h"
#include "ops/activation.h"

namespace rivulet::ops {

struct LinearDesc {
  std::string name;
  HostTensor weight;  // [O, I]
  HostTensor bias;    // [O], or no values
  Activation inputActivation = Activation::None;
  Activation activation = Activation::None;  // applied to the result after `addend`
};

/// x [N,1,1,I] float → [N,1,1,O] float (embeddings stay float whatever the storage type). `addend` [N,1,1,O] or empty.
/// Errors: InvalidArgument naming the layer and the shapes.
graph::Tensor linear(graph::Graph& graph, const LinearDesc& desc, graph::Tensor x, graph::Tensor addend = {});

}  // namespace rivulet::ops
