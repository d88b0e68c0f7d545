#pragma once
// Normalisations as the affine map they are once their statistics are known: y = activation(x * pixelScale * scale +
// shift).

#include <string>

#include "graph/graph.h"
#include "ops/activation.h"
#include "ops/conv2d.h"

namespace rivulet::ops {

/// Scale and shift predicted from an embedding: `tensor` is [N,1,1,M] float; `scaleAt` and `shiftAt` are the first
/// channels of the two slices. The normalised value is multiplied by (1 + scale), then shift is added.
struct Modulation {
  graph::Tensor tensor;
  std::uint32_t scaleAt = 0, shiftAt = 0;
};

struct NormDesc {
  std::string name;
  enum class Kind { Rms, Group } kind = Kind::Rms;  // Rms: over the channels of one pixel
  std::uint32_t groups = 1;                         // Group only; divides the channels
  float epsilon = 1e-6f;
  HostTensor gamma;  // [C]
  HostTensor beta;   // [C], or no values
  Activation activation = Activation::None;
  Modulation modulation;  // an empty tensor: none
};

struct NormInputs {
  graph::Tensor x;   // [N,H,W,C1]
  graph::Tensor x2;  // [N,H,W,C2] read as if concatenated, or empty; groups may span the two
};

/// Appends what measures the statistics; returns the prologue a convolution applies while reading the same inputs.
/// Group norm statistics are two-pass (mean, then squared deviations) or an equally safe method, summed in a fixed
/// order.
Prologue normPrologue(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs);

/// Appends everything; returns the normalised tensor [N,H,W,C1+C2] in storage type.
graph::Tensor norm(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs);

/// Norm followed by a convolution: folded into the convolution's reads, or as a pass of its own where reading is the
/// bottleneck (on software devices every read repeats the activation 9 × O/8 times). `inputs.x`/`x2` are taken from
/// `normInputs`; `residual`, `laneBias` and `laneBiasAt` are Conv2dInputs'.
graph::Tensor normConv2d(graph::Graph& graph, const NormDesc& norm, const NormInputs& normInputs,
                         const Conv2dDesc& conv, graph::Tensor residual = {}, graph::Tensor laneBias = {},
                         std::uint32_t laneBiasAt = 0);

}  // namespace rivulet::ops
