#pragma once
// Multi-head self-attention over the pixels of an image, without materialising the N×N matrix (online softmax: Milakov
// & Gimelshein 2018; Dao et al., FlashAttention, 2022).

#include "graph/graph.h"

namespace rivulet::ops {

/// q, k, v: [N,H,W,C] storage type, C = heads * headDim with consecutive channels per head. Returns softmax(q k^T *
/// scale) v, [N,H,W,C]. Statistics are fp32.
graph::Tensor attention(graph::Graph& graph, const std::string& name, graph::Tensor q, graph::Tensor k, graph::Tensor v,
                        std::uint32_t heads, float scale);

}  // namespace rivulet::ops
