#pragma once
// Tensors that are made up when they are first asked for: a reference network that runs on them also says which tensors
// a weight file of that network holds.

#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/half.h"
#include "support/safetensors_writer.h"
#include "tensor/safetensors.h"
#include "tensor/tensor_desc.h"

namespace rivulet::test {

/// Where a reference network takes its tensors from.
using WeightSource = std::function<HostTensor(const std::string& name, std::vector<std::uint32_t> shape)>;

inline WeightSource fromFile(const Safetensors& file) {
  return [&file](const std::string& name, const std::vector<std::uint32_t>& shape) { return file.floats(name, shape); };
}

class RandomWeights {
 public:
  explicit RandomWeights(unsigned seed, std::string dtype = "F32") : random_(seed), dtype_(std::move(dtype)) {}

  /// Matrices: normal with variance 1 / inputs; vectors named "weight", "norm" or "std": around 1; other vectors:
  /// around 0.
  HostTensor operator()(const std::string& name, const std::vector<std::uint32_t>& shape) {
    const auto found = tensors_.find(name);
    if (found != tensors_.end()) return found->second;
    std::size_t count = 1, inputs = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) (i == 0 ? count : inputs) *= shape[i];
    const bool vector = shape.size() == 1;
    const bool gain = vector && (name.ends_with("weight") || name.find("norm") != std::string::npos) &&
                      !name.ends_with("bias") && !name.ends_with("mean");
    std::normal_distribution<float> normal(gain ? 1.0f : 0.0f,
                                           vector ? 0.2f : 1.0f / std::sqrt(static_cast<float>(inputs)));
    HostTensor tensor{shape, {}};
    for (std::size_t i = 0; i < count * inputs; ++i) {
      float value = normal(random_);
      if (gain) value = std::max(value, 0.3f);
      tensor.values.push_back(dtype_ == "F16" ? halfToFloat(floatToHalf(value)) : value);
    }
    return tensors_.emplace(name, tensor).first->second;
  }
  WeightSource source() {
    return [this](const std::string& name, const std::vector<std::uint32_t>& shape) { return (*this)(name, shape); };
  }

  /// What was asked for so far, as a file.
  SafetensorsWriter writer() const {
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors_) writer.add(name, tensor.shape, tensor.values, dtype_);
    return writer;
  }
  std::map<std::string, HostTensor>& tensors() { return tensors_; }
  std::size_t parameters() const {
    std::size_t count = 0;
    for (const auto& [name, tensor] : tensors_) count += tensor.values.size();
    return count;
  }

 private:
  std::mt19937 random_;
  std::string dtype_;
  std::map<std::string, HostTensor> tensors_;
};

}  // namespace rivulet::test
