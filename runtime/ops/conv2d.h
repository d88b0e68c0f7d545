#pragma once
// 2-D convolution, kernel 1×1 or 3×3, stride 1 or 2.

#include <optional>
#include <string>

#include "graph/graph.h"
#include "ops/activation.h"
#include "ops/padding.h"
#include "ops/quantization.h"

namespace rivulet::ops {

/// What the convolution does to its input while reading it: activation(x * pixelScale * scale + shift). A normalisation
/// is this once its statistics are known (ops/norm.h makes them). Channels run over input 1, then input 2.
struct Prologue {
  graph::Tensor scale;       // [N,1,1,C] float
  graph::Tensor shift;       // [N,1,1,C] float
  graph::Tensor pixelScale;  // [N,H,W,1]-shaped float plane (n*h*w floats, unpadded), or empty: 1
  Activation activation = Activation::None;
};

struct Conv2dDesc {
  std::string name;                          // of the layer; weights are named after it
  HostTensor weight;                         // [O, I, k, k], k = 1 or 3; I counts both inputs
  HostTensor bias;                           // [O], or no values
  Quantization quantization;                 // taken where the graph asks for integers; none: floats everywhere
  std::uint32_t stride = 1;                  // 1 or 2
  Padding padding = Padding::Circular;       // of 3×3 kernels
  Activation activation = Activation::None;  // applied to the result, before the residual is added
  float outputScale = 1.0f;                  // multiplies the result after the residual was added
  bool pixelSquares =
      false;              // the result goes to an RMS norm: leave Graph::pixelSquares along with it where that is cheap
  bool upsample = false;  // each pixel of the result is repeated 2×2: for a 1×1 kernel of stride 1, without residual
};

struct Conv2dInputs {
  graph::Tensor x;   // [N,H,W,I1]
  graph::Tensor x2;  // [N,H,W,I2], read as if concatenated behind x; or empty
  std::optional<Prologue> prologue;
  graph::Tensor residual;  // [N,OH,OW,O], added; or empty
  graph::Tensor laneBias;  // [N,1,1,M] float, M >= laneBiasAt + O, added like the bias, before the activation; or empty
  std::uint32_t laneBiasAt = 0;  // first channel of the slice that is added
};

/// Appends the dispatch (two where `upsample` is not folded into it); returns [N,OH,OW,O] in the graph's storage type.
/// With Circular or Zero padding OH = ceil(H / stride); with ZeroAfter, stride 2, OH = floor(H / 2); with `upsample`
/// twice as much. Errors: InvalidArgument naming the layer and the shapes.
graph::Tensor conv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs);

}  // namespace rivulet::ops
