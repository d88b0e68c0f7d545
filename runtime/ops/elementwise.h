#pragma once

#include "graph/graph.h"
#include "ops/activation.h"

namespace rivulet::ops {

/// activation(a * scale + b), same shapes; `b` may be empty.
graph::Tensor elementwise(graph::Graph& graph, const std::string& name, graph::Tensor a, graph::Tensor b = {},
                          float scale = 1.0f, Activation activation = Activation::None);

}  // namespace rivulet::ops
