#include "training/evaluation/classifier.h"

#include "training/error.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

constexpr const char* kFormat = "rivulet-classifier-1";

nlohmann::ordered_json configJson(const ClassifierConfig& config) {
  return {{"architecture", "texture_classifier"},
          {"channels", config.channels},
          {"size", config.size},
          {"widths", config.widths},
          {"classes", config.classes}};
}

at::Tensor tensorOf(const Safetensors& file, const std::string& name, at::IntArrayRef shape) {
  const at::Tensor tensor = file.at(name).to(at::kFloat);
  if (tensor.sizes() != shape) throw Error("the shape of " + name + " is not what its configuration says");
  return tensor;
}

}  // namespace

std::vector<ClassifierConfig::Layer> ClassifierConfig::layers() const {
  std::vector<Layer> result = {{channels, widths.at(0), 1}};
  for (std::size_t i = 1; i < widths.size(); ++i) {
    result.push_back({widths[i - 1], widths[i], 2});
    result.push_back({widths[i], widths[i], 1});
  }
  return result;
}

Classifier::Classifier(ClassifierConfig config, std::vector<Convolution> convolutions, at::Tensor weight,
                       at::Tensor bias)
    : config_(std::move(config)),
      convolutions_(std::move(convolutions)),
      weight_(std::move(weight)),
      bias_(std::move(bias)) {}

Classifier Classifier::load(const std::filesystem::path& path) {
  try {
    const Safetensors file = readSafetensors(path);
    if (file.metadata.count("format") == 0 || file.note("format") != kFormat) {
      throw Error("it is no classifier (make one with rivulet-train classifier)");
    }
    const auto json = nlohmann::ordered_json::parse(file.note("config"));
    ClassifierConfig config;
    json.at("channels").get_to(config.channels);
    json.at("size").get_to(config.size);
    json.at("widths").get_to(config.widths);
    json.at("classes").get_to(config.classes);
    if (config.widths.empty() || config.classes.empty()) throw Error("its configuration has no widths or no classes");
    std::vector<Convolution> convolutions;
    for (const ClassifierConfig::Layer& layer : config.layers()) {
      const std::string name = "conv." + std::to_string(convolutions.size());
      convolutions.push_back(
          {tensorOf(file, name + ".weight", {layer.out, layer.in, 3, 3}), tensorOf(file, name + ".bias", {layer.out})});
    }
    const auto classes = static_cast<int64_t>(config.classes.size());
    Classifier classifier(config, std::move(convolutions),
                          tensorOf(file, "linear.weight", {classes, config.features()}),
                          tensorOf(file, "linear.bias", {classes}));
    classifier.training_ = nlohmann::ordered_json::parse(file.note("training"));
    return classifier;
  } catch (const std::exception& error) {
    throw Error("cannot use the classifier " + path.string() + ": " + error.what());
  }
}

void Classifier::save(const std::filesystem::path& path, const nlohmann::ordered_json& training) const {
  Safetensors file;
  file.metadata = {{"format", kFormat}, {"config", configJson(config_).dump()}, {"training", training.dump()}};
  for (std::size_t i = 0; i < convolutions_.size(); ++i) {
    const std::string name = "conv." + std::to_string(i);
    file.tensors.emplace_back(name + ".weight", convolutions_[i].weight.to(at::kHalf));
    file.tensors.emplace_back(name + ".bias", convolutions_[i].bias.to(at::kHalf));
  }
  file.tensors.emplace_back("linear.weight", weight_.to(at::kHalf));
  file.tensors.emplace_back("linear.bias", bias_.to(at::kHalf));
  writeSafetensors(path, file);
}

at::Tensor Classifier::features(const at::Tensor& images) const {
  const torch::NoGradGuard guard;
  if (images.dim() != 4 || images.size(1) != config_.channels || images.size(2) != config_.size ||
      images.size(3) != config_.size) {
    throw Error("the classifier takes pictures of " + std::to_string(config_.channels) + " channels and " +
                std::to_string(config_.size) + "x" + std::to_string(config_.size) + " pixels");
  }
  std::vector<at::Tensor> parts;
  for (const at::Tensor& part : images.split(64)) {
    at::Tensor h = part;
    const std::vector<ClassifierConfig::Layer> layers = config_.layers();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      h = at::conv2d(h, convolutions_[i].weight, convolutions_[i].bias, layers[i].stride, 1).relu_();
    }
    parts.push_back(h.mean(at::IntArrayRef({2, 3})));
  }
  return at::cat(parts);
}

at::Tensor Classifier::logits(const at::Tensor& features) const {
  return at::linear(features, weight_, bias_);
}

void Classifier::scaleFeatures(double factor) {
  // ReLU and mean pass a positive factor through.
  convolutions_.back().weight = convolutions_.back().weight / factor;
  convolutions_.back().bias = convolutions_.back().bias / factor;
  weight_ = weight_ * factor;
}

}  // namespace rivulet::training
