#pragma once

#include "graph/graph.h"

namespace rivulet::ops {

/// [N,H,W,C] → [N,2H,2W,C], each pixel repeated 2×2.
graph::Tensor nearestUpsample2(graph::Graph& graph, const std::string& name, graph::Tensor x);
/// [N,H,W,C] → [N,H/2,W/2,4C]; channel order c*4 + dy*2 + dx as torch.pixel_unshuffle. H and W even.
graph::Tensor pixelUnshuffle2(graph::Graph& graph, const std::string& name, graph::Tensor x);
/// [N,H,W,4C] → [N,2H,2W,C]; the inverse.
graph::Tensor pixelShuffle2(graph::Graph& graph, const std::string& name, graph::Tensor x);

}  // namespace rivulet::ops
