// texture_unet of docs/texture_unet.md, on libtorch.
#pragma once

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "training/parameter_store.h"
#include "training/style.h"

namespace rivulet::training {

struct TextureUnetConfig {
  std::string size = "s";
  int64_t channels = 3;
  std::vector<int64_t> widths = {32, 64, 96};
  int64_t blocksPerLevel = 2;
  int64_t embeddingDim = 128;
  int64_t timeFrequencies = 32;
  int64_t shuffleChannels = 8;
  int64_t headWidth = 16;
  std::vector<std::string> classes;
  bool targetTime = false;
  bool guidance = false;
  int64_t styleDim = kStyleSize;  // or 0: no style vector
  // x is a texture whitened by its style (whitening.h), and convolutions wrap round; else a whole picture, which is
  // padded with zeros.
  bool whitened = true;
  bool learnedVariance = false;  // twice the output channels: see ddpm_objective.h
  std::string prediction = "sample";
  nlohmann::ordered_json schedule = {{"kind", "flow"}, {"shift", 1.0}};
  double normEps = 1e-6;
  int64_t trainingSize = 64;

  // "texture_unet-s" or "texture_unet-m"; throws Error naming the known ones.
  static TextureUnetConfig named(const std::string& model);
  // The weight file's `config`, and back; throws Error where this trainer would not write the same.
  nlohmann::ordered_json json() const;
  static TextureUnetConfig fromJson(const nlohmann::ordered_json& json);
};

// One evaluation's inputs. t, s and w are [N] float32; classWeights [N, K+1]; style [N, 10].
struct TextureUnetInput {
  at::Tensor x, t, classWeights, style;
  at::Tensor targetTime, guidance;  // only where the configuration has them
};

class TextureUnet {
 public:
  TextureUnet(TextureUnetConfig config, at::Device device, bool trainable);

  // Random initial weights, a function of `seed`; every block starts as the identity.
  void initialise(std::uint64_t seed, const Style& styleMean, const Style& styleStd);

  // x [N,C,H,W], H and W multiples of 8 -> x_0 [N,C,H,W] float32.
  at::Tensor forward(const TextureUnetInput& input) const;

  // bfloat16 keeps the activations below the full-resolution head in it. Weights, norms, the embedding and the head
  // stay float32: rounding moves x_0 by a few thousandths, and nothing of it is exported.
  void setComputeType(at::ScalarType type) { type_ = type; }

  const TextureUnetConfig& config() const { return config_; }
  const ParameterStore& parameters() const { return parameters_; }
  // [10] each; fixed, not trained.
  const at::Tensor& styleMean() const { return styleMean_; }
  const at::Tensor& styleStd() const { return styleStd_; }
  void setStyleNorm(const at::Tensor& mean, const at::Tensor& std);
  // One-hot rows for class indices [N]; index K is the null class.
  at::Tensor oneHot(const at::Tensor& classIndex) const;
  at::Device device() const { return parameters_.flat().device(); }

 private:
  void declareConv(const std::string& name, int64_t in, int64_t out, int64_t kernel);
  void declareBlock(const std::string& name, int64_t in, int64_t out);
  at::Tensor weight(const std::string& name) const { return parameters_[name + ".weight"]; }
  at::Tensor bias(const std::string& name) const { return parameters_[name + ".bias"]; }

  at::Tensor sincos(const at::Tensor& t) const;
  at::Tensor embedding(const TextureUnetInput& input) const;
  at::Tensor linear(const std::string& name, const at::Tensor& x) const;
  // Convolves an input that already carries its border (or a 1x1 one).
  at::Tensor conv(const std::string& name, const at::Tensor& padded, at::ScalarType type, int64_t stride = 1) const;
  at::Tensor block(const std::string& name, const at::Tensor& h, const at::Tensor& e,
                   const at::Tensor& skip = {}) const;

  TextureUnetConfig config_;
  ParameterStore parameters_;
  at::Tensor styleMean_, styleStd_, frequencies_;
  at::ScalarType type_ = at::kFloat;
};

}  // namespace rivulet::training
