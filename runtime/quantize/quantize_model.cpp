#include "quantize/quantize_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tensor/safetensors_writer.h"

namespace rivulet::quantize {
namespace {

constexpr std::string_view kWeight = ".weight";

/// "down.0.0.conv1" of "down.0.0.conv1.weight"; empty: not a layer's weight.
std::string layerOf(const std::string& tensor, const SafetensorsEntry& entry) {
  if (!tensor.ends_with(kWeight) || entry.shape.size() < 2) return {};
  return tensor.substr(0, tensor.size() - kWeight.size());
}

struct ByteWeights {
  std::vector<std::int8_t> values;
  std::vector<float> scales;
  double error = 0;  // relative L2
};

/// Per output, of the steps that clip up to half of the largest weight, the one with the least squared error.
ByteWeights toBytes(const HostTensor& weight) {
  constexpr int kCandidates = 26;
  const std::size_t outputs = weight.shape[0], perOutput = weight.values.size() / outputs;
  ByteWeights result;
  double errors = 0, squares = 0;
  const auto round = [](float w, float scale) { return std::clamp(std::nearbyint(w / scale), -127.0f, 127.0f); };
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::span<const float> row = std::span(weight.values).subspan(o * perOutput, perOutput);
    float largest = 0;
    for (const float w : row) largest = std::max(largest, std::fabs(w));
    float best = 1;  // an output of zeros
    double least = largest == 0 ? 0 : INFINITY;
    for (int i = 0; i < kCandidates && largest > 0; ++i) {
      const float scale = largest / 127 * (1 - 0.02f * static_cast<float>(i));
      double error = 0;
      for (const float w : row) error += std::pow(double{w} - double{scale} * double{round(w, scale)}, 2);
      if (error >= least || scale < std::numeric_limits<float>::min()) continue;
      least = error;
      best = scale;
    }
    result.scales.push_back(best);
    errors += least == INFINITY ? 0 : least;
    for (const float w : row) {
      result.values.push_back(static_cast<std::int8_t>(round(w, best)));
      squares += double{w} * double{w};
    }
  }
  result.error = squares > 0 ? std::sqrt(errors / squares) : 0;
  return result;
}

/// Whether `layer` is named by one of `keep`; those that name something are taken out of `unused`.
bool kept(const std::string& layer, const std::vector<std::string>& keep, std::vector<std::string>& unused) {
  bool found = false;
  for (const std::string& name : keep) {
    if (layer != name && !layer.starts_with(name + ".")) continue;
    std::erase(unused, name);
    found = true;
  }
  return found;
}

}  // namespace

QuantizedModel quantizeModel(const Safetensors& file, const Magnitudes& magnitudes,
                             const std::vector<std::string>& keep) {
  QuantizedModel result;
  SafetensorsWriter writer;
  std::vector<std::string> unused = keep;
  for (const auto& [name, entry] : file.tensors()) {
    if (entry.dtype == "I8") {
      throw Error(ErrorCode::InvalidArgument, file.name() + " is quantised already: tensor '" + name + "' is I8");
    }
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : entry.shape) elements *= extent;
    result.parameters += elements;
    const std::string layer = layerOf(name, entry);
    if (layer.empty() || kept(layer, keep, unused)) {
      writer.add(name, entry.dtype, entry.shape, entry.bytes);
      continue;
    }
    const ByteWeights weights = toBytes(file.floats(name));
    QuantizedLayer& done = result.layers.emplace_back();
    done.name = layer;
    done.weightError = weights.error;
    writer.add(name, "I8", entry.shape, std::as_bytes(std::span(weights.values)));
    writer.add(layer + ".weight_scale", "F32", {weights.scales.size()}, std::as_bytes(std::span(weights.scales)));
    const auto seen = magnitudes.find(layer);
    if (seen == magnitudes.end() || seen->second.bestScale() == 0) continue;
    done.inputScale = seen->second.bestScale();
    done.clippedShare = std::max(0.0, 1 - 127.0 * double{done.inputScale} / double{seen->second.largest()});
    writer.add(layer + ".input_scale", "F32", {1}, std::as_bytes(std::span(&done.inputScale, 1)));
  }
  if (!unused.empty()) {
    throw Error(ErrorCode::InvalidArgument, file.name() + " has no layer '" + unused.front() + "' to keep in floats");
  }
  if (result.layers.empty()) {
    throw Error(ErrorCode::InvalidArgument, file.name() + " has no layer that could become bytes");
  }
  for (const auto& [key, value] : file.metadata()) writer.note(key, value);
  writer.note("quantization", nlohmann::json{{"weights", "int8, symmetric, a scale per output"},
                                             {"inputs", "int8, symmetric, one scale, of least mean squared error"},
                                             {"kept", keep}}
                                  .dump());
  result.tensorBytes = writer.tensorBytes();
  result.file = writer.bytes();
  return result;
}

}  // namespace rivulet::quantize
