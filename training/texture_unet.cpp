#include "training/texture_unet.h"

#include <cmath>

#include "training/error.h"
#include "training/norm_silu_pad.h"
#include "training/random.h"
#include "training/whitening.h"

namespace rivulet::training {
namespace {

std::string at2(const std::string& prefix, int64_t i, int64_t j) {
  return prefix + "." + std::to_string(i) + "." + std::to_string(j);
}

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Textures wrap. A whole picture (one that is not whitened) has its subject in its middle: nothing but its edges says
// where that is, from noise least of all, and a circular network puts it at any multiple of its stride.
Border borderOf(const TextureUnetConfig& config) {
  return config.whitened ? Border::Circular : Border::Zero;
}

}  // namespace

TextureUnetConfig TextureUnetConfig::named(const std::string& model) {
  TextureUnetConfig config;
  if (model == "texture_unet-xs") {
    config.size = "xs";
    config.widths = {16, 32, 48};
    config.embeddingDim = 64;
    return config;
  }
  if (model == "texture_unet-s") return config;
  if (model == "texture_unet-m") {
    config.size = "m";
    config.widths = {64, 128, 192};
    config.embeddingDim = 256;
    return config;
  }
  throw Error("unknown model " + model + " (texture_unet-xs, texture_unet-s or texture_unet-m)");
}

nlohmann::ordered_json TextureUnetConfig::json() const {
  nlohmann::ordered_json json = {{"architecture", "texture_unet"},
                                 {"size", size},
                                 {"in_channels", channels},
                                 {"out_channels", learnedVariance ? 2 * channels : channels},
                                 {"widths", widths},
                                 {"blocks_per_level", blocksPerLevel},
                                 {"embedding_dim", embeddingDim},
                                 {"time_frequencies", timeFrequencies},
                                 {"shuffle_channels", shuffleChannels},
                                 {"head_width", headWidth},
                                 {"style_dim", styleDim},
                                 {"classes", classes},
                                 {"target_time", targetTime},
                                 {"guidance", guidance},
                                 {"norm_eps", normEps},
                                 {"whitening_floor", whitened ? kWhiteningFloor : 0.0},
                                 {"whitening_chroma", whitened ? kWhiteningChroma : 0.0},
                                 {"prediction", prediction},
                                 {"schedule", schedule},
                                 {"training_size", trainingSize}};
  if (!whitened) json["padding"] = "zero";  // without the key it is circular
  return json;
}

TextureUnetConfig TextureUnetConfig::fromJson(const nlohmann::ordered_json& json) {
  TextureUnetConfig config;
  json.at("size").get_to(config.size);
  json.at("in_channels").get_to(config.channels);
  json.at("widths").get_to(config.widths);
  json.at("blocks_per_level").get_to(config.blocksPerLevel);
  json.at("embedding_dim").get_to(config.embeddingDim);
  json.at("time_frequencies").get_to(config.timeFrequencies);
  json.at("shuffle_channels").get_to(config.shuffleChannels);
  json.at("head_width").get_to(config.headWidth);
  json.at("classes").get_to(config.classes);
  json.at("target_time").get_to(config.targetTime);
  json.at("guidance").get_to(config.guidance);
  json.at("norm_eps").get_to(config.normEps);
  json.at("training_size").get_to(config.trainingSize);
  json.at("style_dim").get_to(config.styleDim);
  json.at("prediction").get_to(config.prediction);
  config.schedule = json.at("schedule");
  config.whitened = json.at("whitening_floor") != 0;
  config.learnedVariance = json.at("out_channels") != config.channels;
  if (config.json() != json) throw Error("expected " + config.json().dump() + ", it is " + json.dump());
  return config;
}

TextureUnet::TextureUnet(TextureUnetConfig config, at::Device device, bool trainable) : config_(std::move(config)) {
  const auto& w = config_.widths;
  const int64_t e = config_.embeddingDim, c = config_.channels;
  const int64_t times = 1 + (config_.targetTime ? 1 : 0) + (config_.guidance ? 1 : 0);
  declareConv("emb.in", times * 2 * config_.timeFrequencies + config_.styleDim, e, 0);
  parameters_.declare("emb.class", {static_cast<int64_t>(config_.classes.size()) + 1, e});
  declareConv("emb.out", e, e, 0);
  declareConv("stem", 4 * c, w[0], 3);
  for (int64_t i = 0; i < 2; ++i) {
    const auto level = static_cast<std::size_t>(i);
    for (int64_t j = 0; j < config_.blocksPerLevel; ++j) declareBlock(at2("down", i, j), w[level], w[level]);
    declareConv("down." + std::to_string(i) + ".down", w[level], w[level + 1], 3);
  }
  for (int64_t j = 0; j < config_.blocksPerLevel; ++j) declareBlock("mid." + std::to_string(j), w[2], w[2]);
  for (int64_t i = 1; i >= 0; --i) {
    const auto level = static_cast<std::size_t>(i);
    declareConv("up." + std::to_string(i) + ".proj", w[level + 1], w[level], 1);
    for (int64_t j = 0; j < config_.blocksPerLevel; ++j) declareBlock(at2("up", i, j), 2 * w[level], w[level]);
  }
  parameters_.declare("head.norm", {w[0]});
  declareConv("head.expand", w[0], 4 * config_.shuffleChannels, 3);
  declareConv("head.full", config_.shuffleChannels + c, config_.headWidth, 3);
  declareConv("head.out", config_.headWidth, config_.learnedVariance ? 2 * c : c, 3);
  parameters_.allocate(device, trainable);

  styleMean_ = at::zeros({kStyleSize}, at::TensorOptions().device(device));
  styleStd_ = at::ones_like(styleMean_);
  const int64_t f = config_.timeFrequencies;
  frequencies_ = at::exp(at::arange(f, at::TensorOptions().dtype(at::kDouble)) * (-std::log(10000.0) / double(f)))
                     .to(device, at::kFloat);
}

void TextureUnet::declareConv(const std::string& name, int64_t in, int64_t out, int64_t kernel) {
  // kernel 0: a linear layer
  parameters_.declare(name + ".weight",
                      kernel == 0 ? std::vector<int64_t>{out, in} : std::vector<int64_t>{out, in, kernel, kernel});
  parameters_.declare(name + ".bias", {out});
}

void TextureUnet::declareBlock(const std::string& name, int64_t in, int64_t out) {
  parameters_.declare(name + ".norm1", {in});
  declareConv(name + ".conv1", in, out, 3);
  declareConv(name + ".mod", config_.embeddingDim, 2 * out, 0);
  parameters_.declare(name + ".norm2", {out});
  declareConv(name + ".conv2", out, out, 3);
  if (in != out) declareConv(name + ".shortcut", in, out, 1);
}

void TextureUnet::initialise(std::uint64_t seed, const Style& styleMean, const Style& styleStd) {
  const torch::NoGradGuard guard;
  Random random{seed, 0x1417};
  for (const auto& entry : parameters_.entries()) {
    at::Tensor parameter = parameters_[entry.name].detach();
    if (endsWith(entry.name, "norm1") || endsWith(entry.name, "norm2") || entry.name == "head.norm") {
      parameter.fill_(1.0);
      continue;
    }
    // Blocks start as the identity with no modulation; biases at zero.
    const bool zero =
        endsWith(entry.name, ".bias") || endsWith(entry.name, "conv2.weight") || endsWith(entry.name, "mod.weight");
    if (zero) continue;
    double deviation = 1.0 / std::sqrt(static_cast<double>(parameter[0].numel()));
    if (entry.name == "emb.class") deviation = 0.5;
    if (entry.name == "head.out.weight") deviation *= 0.1;  // starts near the data's middle
    std::vector<float> values(static_cast<std::size_t>(parameter.numel()));
    for (float& value : values) value = static_cast<float>(random.normal() * deviation);
    parameter.copy_(at::from_blob(values.data(), parameter.sizes(), at::kFloat));
  }
  const auto vectorOf = [](const Style& style) {
    return at::from_blob(const_cast<float*>(style.data()), {kStyleSize}, at::kFloat).clone();
  };
  setStyleNorm(vectorOf(styleMean), vectorOf(styleStd));
}

void TextureUnet::setStyleNorm(const at::Tensor& mean, const at::Tensor& std) {
  styleMean_.copy_(mean);
  styleStd_.copy_(std);
}

at::Tensor TextureUnet::oneHot(const at::Tensor& classIndex) const {
  return at::one_hot(classIndex, static_cast<int64_t>(config_.classes.size()) + 1).to(device(), at::kFloat);
}

at::Tensor TextureUnet::sincos(const at::Tensor& t) const {
  const at::Tensor angle = 1000.0 * t.to(at::kFloat).unsqueeze(1) * frequencies_;
  return at::cat({at::cos(angle), at::sin(angle)}, 1);
}

at::Tensor TextureUnet::linear(const std::string& name, const at::Tensor& x) const {
  return at::linear(x, weight(name), bias(name));
}

at::Tensor TextureUnet::embedding(const TextureUnetInput& input) const {
  std::vector<at::Tensor> features = {sincos(input.t)};
  if (config_.targetTime) features.push_back(sincos(input.targetTime));
  if (config_.guidance) features.push_back(sincos(input.guidance / 10.0));
  if (config_.styleDim != 0) features.push_back((input.style - styleMean_) / styleStd_);
  const at::Tensor e =
      linear("emb.in", at::cat(features, 1)) + at::matmul(input.classWeights, parameters_["emb.class"]);
  return at::silu(linear("emb.out", at::silu(e)));
}

at::Tensor TextureUnet::conv(const std::string& name, const at::Tensor& padded, at::ScalarType type,
                             int64_t stride) const {
  return at::conv2d(padded.to(type), weight(name).to(type), bias(name).to(type), at::IntArrayRef({stride, stride}));
}

at::Tensor TextureUnet::block(const std::string& name, const at::Tensor& h, const at::Tensor& e,
                              const at::Tensor& skip) const {
  const Border border = borderOf(config_);
  const at::Tensor r = skip.defined() ? at::cat({h, skip}, 1) : h;
  const at::Tensor gain1 = parameters_[name + ".norm1"].unsqueeze(0).expand({r.size(0), r.size(1)});
  const at::Tensor a =
      conv(name + ".conv1", normSiluPad(r, gain1, at::zeros_like(gain1), config_.normEps, type_, border), type_);
  const auto modulation = linear(name + ".mod", e).chunk(2, 1);
  const at::Tensor gain2 = parameters_[name + ".norm2"] * (1 + modulation[0]);
  const at::Tensor b =
      conv(name + ".conv2", normSiluPad(a, gain2, modulation[1], config_.normEps, type_, border), type_);
  return skip.defined() ? conv(name + ".shortcut", r, type_) + b : r + b;
}

at::Tensor TextureUnet::forward(const TextureUnetInput& input) const {
  TORCH_CHECK(input.x.size(2) % 8 == 0 && input.x.size(3) % 8 == 0, "height and width must be multiples of 8");
  const at::Tensor e = embedding(input);
  const Border border = borderOf(config_);
  const at::Tensor x = input.x.contiguous(at::MemoryFormat::ChannelsLast);
  std::vector<at::Tensor> skips;

  at::Tensor h = at::pixel_unshuffle(x, 2).to(type_).contiguous(at::MemoryFormat::ChannelsLast);
  h = conv("stem", pad(h, border), type_);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < config_.blocksPerLevel; ++j) {
      h = block(at2("down", i, j), h, e);
      skips.push_back(h);
    }
    h = conv("down." + std::to_string(i) + ".down", pad(h, border), type_, 2);
  }
  for (int64_t j = 0; j < config_.blocksPerLevel; ++j) h = block("mid." + std::to_string(j), h, e);
  for (int64_t i = 1; i >= 0; --i) {
    h = conv("up." + std::to_string(i) + ".proj", h, type_);
    h = at::upsample_nearest2d(h, {2 * h.size(2), 2 * h.size(3)});
    for (int64_t j = 0; j < config_.blocksPerLevel; ++j) {
      h = block(at2("up", i, j), h, e, skips.back());
      skips.pop_back();
    }
  }
  const at::Tensor gain = parameters_["head.norm"].unsqueeze(0).expand({h.size(0), h.size(1)});
  h = conv("head.expand", normSiluPad(h, gain, at::zeros_like(gain), config_.normEps, type_, border), type_);
  h = at::cat({at::pixel_shuffle(h, 2).to(at::kFloat), x}, 1).contiguous(at::MemoryFormat::ChannelsLast);
  h = at::silu(conv("head.full", pad(h, border), at::kFloat));
  return conv("head.out", pad(h, border), at::kFloat);
}

}  // namespace rivulet::training
