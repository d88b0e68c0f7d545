#pragma once
// Layers as the operations' descriptions: what both networks say when they call ops/.

#include "models/weight_reader.h"
#include "ops/conv2d.h"
#include "ops/linear.h"

namespace rivulet::models {

inline ops::Conv2dDesc convDesc(const Layer& layer, ops::Padding padding) {
  ops::Conv2dDesc desc;
  desc.name = layer.name;
  desc.weight = layer.weight;
  desc.bias = layer.bias;
  desc.quantization = layer.quantization;
  desc.padding = padding;
  return desc;
}

inline ops::LinearDesc linearDesc(const Layer& layer, ops::Activation activation = ops::Activation::None) {
  ops::LinearDesc desc;
  desc.name = layer.name;
  desc.weight = layer.weight;
  desc.bias = layer.bias;
  desc.activation = activation;
  return desc;
}

}  // namespace rivulet::models
