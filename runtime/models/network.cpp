#include "models/network.h"

#include "core/error.h"

namespace rivulet::models {

void requireQuantized(const NetworkInfo& info) {
  if (info.quantizedLayers != 0) return;
  throw Error(ErrorCode::InvalidArgument, "'" + info.name +
                                              "' has no layers in bytes: make a file that has with `rivulet quantize`, "
                                              "or use fp16 or fp32");
}

ConditioningLayout Network::conditioning() const {
  ConditioningLayout layout;
  layout.classWeights = layout.style + info_.styleDim;
  layout.channels = layout.classWeights + static_cast<std::uint32_t>(info_.classes.size()) + (info_.nullClass ? 1 : 0);
  return layout;
}

void Network::refuse(const std::string& why) const {
  throw Error(ErrorCode::InvalidArgument, "network '" + info_.name + "': " + why);
}

void Network::checkConditioning(const graph::Graph& graph, graph::Tensor tensor) const {
  const TensorDesc& conditioning = graph.desc(tensor);
  const TensorDesc expected{conditioning.n, 1, 1, this->conditioning().channels, DataType::F32};
  if (!(conditioning == expected)) {
    refuse("the conditioning is " + toString(conditioning) + ", expected " + toString(expected));
  }
}

void Network::checkInputs(const graph::Graph& graph, const NetworkInputs& inputs,
                          std::uint32_t embeddingChannels) const {
  const TensorDesc& x = graph.desc(inputs.x);
  const TensorDesc& embedding = graph.desc(inputs.embedding);
  if (x.h == 0 || x.w == 0 || x.h % info_.sizeMultiple != 0 || x.w % info_.sizeMultiple != 0) {
    refuse("the size " + std::to_string(x.w) + "x" + std::to_string(x.h) + " is not a multiple of " +
           std::to_string(info_.sizeMultiple) + " in both directions");
  }
  if (x.c != info_.inChannels || x.type != graph.storage()) {
    refuse("x is " + toString(x) + ", expected " + std::to_string(info_.inChannels) +
           " channels in the graph's storage");
  }
  const TensorDesc expected{x.n, 1, 1, embeddingChannels, DataType::F32};
  if (!(embedding == expected)) {
    refuse("the embedding is " + toString(embedding) + ", expected " + toString(expected) + ", as embed() makes it");
  }
}

}  // namespace rivulet::models
