#include "models/weight_reader.h"

#include <array>

#include "core/error.h"

namespace rivulet::models {

void WeightReader::claim(const std::string& name, std::initializer_list<std::uint32_t> shape) {
  constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 31;
  std::uint64_t elements = 1;
  std::string text;
  for (const std::uint32_t extent : shape) {
    text += (text.empty() ? "" : ",") + std::to_string(extent);
    elements = extent == 0 || elements > kMaxElements / extent ? kMaxElements + 1 : elements * extent;
  }
  if (elements > kMaxElements) {
    throw Error(ErrorCode::CorruptFile, file_.name() + ": tensor '" + name + "' would have the shape [" + text +
                                            "] by the configuration, which is absurd");
  }
  if (!file_.contains(name)) {
    throw Error(ErrorCode::CorruptFile, file_.name() + ": tensor '" + name + "' is missing, expected it with shape [" +
                                            text + "] by the configuration");
  }
  if (!taken_.insert(name).second) throw Error(ErrorCode::Internal, "tensor '" + name + "' is used twice");
}

HostTensor WeightReader::take(const std::string& name, std::initializer_list<std::uint32_t> shape) {
  claim(name, shape);
  HostTensor tensor = file_.floats(name, std::span(shape.begin(), shape.size()));
  parameters_ += tensor.values.size();
  return tensor;
}

std::vector<float> WeightReader::takeScales(const std::string& name, std::uint32_t count) {
  claim(name, {count});
  std::vector<float> scales = file_.floats(name, std::array{count}).values;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] > 0) continue;
    throw Error(ErrorCode::CorruptFile, file_.name() + ": tensor '" + name + "': value " + std::to_string(i) + " is " +
                                            std::to_string(scales[i]) + ", expected a positive number");
  }
  return scales;
}

HostTensor WeightReader::takeWeight(const std::string& layer, std::initializer_list<std::uint32_t> shape,
                                    ops::Quantization& quantization) {
  const std::string name = layer + ".weight", input = layer + ".input_scale";
  if (!file_.contains(name) || file_.at(name).dtype != "I8") return take(name, shape);
  claim(name, shape);
  HostTensor tensor = file_.signedBytes(name, std::span(shape.begin(), shape.size()));
  parameters_ += tensor.values.size();
  quantization.weightScales = takeScales(layer + ".weight_scale", *shape.begin());
  if (file_.contains(input)) {
    quantization.inputScale = takeScales(input, 1).front();
    ++quantizedLayers_;
  }
  const std::size_t perOutput = tensor.values.size() / quantization.weightScales.size();
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (tensor.values[i] < -127) {
      throw Error(ErrorCode::CorruptFile, file_.name() + ": tensor '" + name + "': value " + std::to_string(i) +
                                              " is -128, expected -127 to 127");
    }
    tensor.values[i] *= quantization.weightScales[i / perOutput];
  }
  return tensor;
}

Layer WeightReader::conv(const std::string& name, std::uint32_t in, std::uint32_t out, std::uint32_t kernel) {
  Layer layer{name, {}, {}, {}};
  layer.weight = takeWeight(name, {out, in, kernel, kernel}, layer.quantization);
  layer.bias = take(name + ".bias", {out});
  return layer;
}

Layer WeightReader::linear(const std::string& name, std::uint32_t in, std::uint32_t out) {
  Layer layer{name, {}, {}, {}};
  layer.weight = takeWeight(name, {out, in}, layer.quantization);
  layer.bias = take(name + ".bias", {out});
  return layer;
}

Layer WeightReader::pointwise(const std::string& name, std::uint32_t in, std::uint32_t out) {
  const std::string weight = name + ".weight";
  if (file_.contains(weight) && file_.at(weight).shape.size() == 4) return conv(name, in, out, 1);
  Layer layer = linear(name, in, out);
  layer.weight.shape = {out, in, 1, 1};
  return layer;
}

Affine WeightReader::affine(const std::string& name, std::uint32_t channels) {
  return {name, take(name + ".weight", {channels}), take(name + ".bias", {channels})};
}

void WeightReader::finish() const {
  constexpr std::size_t kShown = 5;
  std::string names;
  std::size_t count = 0;
  for (const auto& [name, entry] : file_.tensors()) {
    if (taken_.contains(name)) continue;
    if (++count <= kShown) names += (names.empty() ? "'" : ", '") + name + "'";
  }
  if (count == 0) return;
  if (count > kShown) names += " and " + std::to_string(count - kShown) + " more";
  throw Error(ErrorCode::CorruptFile, file_.name() + ": tensor " + names +
                                          " is not part of the network its configuration describes (expected " +
                                          std::to_string(taken_.size()) + " tensors, found " +
                                          std::to_string(file_.tensors().size()) + ")");
}

std::uint32_t MergedLinear::append(const Layer& layer) {
  if (merged_.weight.shape.empty()) {
    merged_.weight = layer.weight;
    merged_.bias = layer.bias;
    return 0;
  }
  if (merged_.weight.shape[1] != layer.weight.shape[1]) {
    throw Error(ErrorCode::Internal, "'" + layer.name + "' and '" + merged_.name + "' do not read the same input");
  }
  const std::uint32_t first = merged_.weight.shape[0];
  merged_.weight.shape[0] += layer.weight.shape[0];
  merged_.bias.shape[0] += layer.bias.shape[0];
  merged_.weight.values.insert(merged_.weight.values.end(), layer.weight.values.begin(), layer.weight.values.end());
  merged_.bias.values.insert(merged_.bias.values.end(), layer.bias.values.begin(), layer.bias.values.end());
  return first;
}

}  // namespace rivulet::models
