// A small convolutional network that tells the classes of textures apart. Its penultimate features are the space in
// which the kernel distance and the Fréchet distance are measured. Trained by classifier_trainer.h.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::training {

// Convolutions of 3x3, zero padding, each followed by a ReLU: one of `widths[0]` channels, then for each further width
// one of stride 2 and one of stride 1; the mean over all places gives the features, a linear layer the classes. No
// layer but that mean sees the whole picture, so moving a texture moves the features little.
struct ClassifierConfig {
  int64_t channels = 3;  // of the pictures: 3 or 1
  int64_t size = 64;     // pixels a side
  std::vector<int64_t> widths = {16, 32, 64, 128};
  std::vector<std::string> classes;

  int64_t features() const { return widths.back(); }
  // Channels in and out, and stride, of each convolution in order.
  struct Layer {
    int64_t in, out, stride;
  };
  std::vector<Layer> layers() const;
};

class Classifier {
 public:
  struct Convolution {
    at::Tensor weight, bias;  // [out, in, 3, 3], [out]; float32
  };
  Classifier(ClassifierConfig config, std::vector<Convolution> convolutions, at::Tensor weight, at::Tensor bias);

  // Reads a file that save() wrote. Throws Error naming the file and what is wrong with it.
  static Classifier load(const std::filesystem::path& path);
  // float16; `training` is kept as it is, for people and for checks.
  void save(const std::filesystem::path& path, const nlohmann::ordered_json& training) const;

  const ClassifierConfig& config() const { return config_; }
  // The file's notes on its training: {} where it was not loaded.
  const nlohmann::ordered_json& training() const { return training_; }

  // `images` [N,C,S,S] in [-1, 1] -> [N, features] float32, none negative. In batches: N may be large.
  at::Tensor features(const at::Tensor& images) const;
  // [N, features] -> [N, K], the logits.
  at::Tensor logits(const at::Tensor& features) const;

  // Divides the features by `factor`, above 0, and leaves the logits as they are.
  void scaleFeatures(double factor);

 private:
  ClassifierConfig config_;
  std::vector<Convolution> convolutions_;
  at::Tensor weight_, bias_;  // [K, features], [K]
  nlohmann::ordered_json training_ = nlohmann::ordered_json::object();
};

}  // namespace rivulet::training
