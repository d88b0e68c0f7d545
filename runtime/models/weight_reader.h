#pragma once
// Takes the tensors of a weight file one by one and keeps account: each is used exactly once, none is left over.

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "ops/quantization.h"
#include "tensor/safetensors.h"

namespace rivulet::models {

/// A convolution or a linear layer with a bias. Weights of eight bits are widened; their scales are kept.
struct Layer {
  std::string name;
  HostTensor weight;  // [out,in,k,k] or [out,in]
  HostTensor bias;    // [out]
  ops::Quantization quantization;
};

/// Group normalisation's gain and offset.
struct Affine {
  std::string name;
  HostTensor gamma, beta;  // [channels]
};

/// Not thread-safe.
class WeightReader {
 public:
  /// `file` must outlive the reader.
  explicit WeightReader(const Safetensors& file) : file_(file) {}

  /// Errors: CorruptFile naming the file, the tensor, and what was expected: missing, another shape, not F32, F16 or
  /// BF16, not finite; a shape of more than 2^31 elements (an absurd configuration).
  HostTensor take(const std::string& name, std::initializer_list<std::uint32_t> shape);

  /// `<name>.weight` [out,in,k,k] and `<name>.bias` [out]. Weights that are I8 have `<name>.weight_scale` [out] beside
  /// them, and `<name>.input_scale` [1] where the layer can be computed in integers. Errors: as take(), and a scale
  /// that is not above 0, a weight of -128.
  Layer conv(const std::string& name, std::uint32_t in, std::uint32_t out, std::uint32_t kernel = 3);
  /// `<name>.weight` [out,in] and `<name>.bias` [out].
  Layer linear(const std::string& name, std::uint32_t in, std::uint32_t out);
  /// A 1×1 convolution that is stored as a linear layer, [out,in], or as a convolution, [out,in,1,1].
  Layer pointwise(const std::string& name, std::uint32_t in, std::uint32_t out);
  /// `<name>.weight` and `<name>.bias`, [channels].
  Affine affine(const std::string& name, std::uint32_t channels);

  bool contains(const std::string& name) const { return file_.contains(name); }
  /// Elements taken so far, scales apart.
  std::uint64_t parameters() const { return parameters_; }
  /// Layers so far whose inputs have a scale.
  std::uint32_t quantizedLayers() const { return quantizedLayers_; }

  /// Errors: CorruptFile naming the tensors that were not taken.
  void finish() const;

 private:
  /// Marks a tensor as taken, and refuses what no shape can mend.
  void claim(const std::string& name, std::initializer_list<std::uint32_t> shape);
  std::vector<float> takeScales(const std::string& name, std::uint32_t count);
  HostTensor takeWeight(const std::string& layer, std::initializer_list<std::uint32_t> shape,
                        ops::Quantization& quantization);

  const Safetensors& file_;
  std::set<std::string> taken_;
  std::uint64_t parameters_ = 0;
  std::uint32_t quantizedLayers_ = 0;
};

/// Several linear layers of one input, as one: their rows one behind the other.
class MergedLinear {
 public:
  explicit MergedLinear(std::string name) { merged_.name = std::move(name); }
  /// Returns the first row of `layer` in the merged one. Errors: Internal when its input differs from the others'.
  std::uint32_t append(const Layer& layer);
  const Layer& layer() const { return merged_; }

 private:
  Layer merged_;
};

}  // namespace rivulet::models
