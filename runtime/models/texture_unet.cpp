#include "models/texture_unet.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/config_reader.h"
#include "models/layer_ops.h"
#include "ops/norm.h"
#include "ops/resample.h"
#include "ops/time_embed.h"
#include "samplers/scheduler_config.h"

namespace rivulet::models {

using graph::Tensor;
using ops::Activation;
using ops::Padding;

/// What the layers of one evaluation have in common.
struct TextureUNet::Forward {
  graph::Graph& graph;
  float epsilon;
  Padding padding;
  Tensor modulation;  // [N,1,1,M] float: every block's scale and shift

  Tensor conv(const Layer& layer, const ops::Conv2dInputs& inputs, std::uint32_t stride = 1,
              Activation activation = Activation::None, bool normed = false) const {
    ops::Conv2dDesc desc = convDesc(layer, padding);
    desc.stride = stride;
    desc.activation = activation;
    desc.pixelSquares = normed;
    return ops::conv2d(graph, desc, inputs);
  }

  /// The convolution, each pixel of it 2×2 times.
  Tensor convUp(const Layer& layer, Tensor x) const {
    ops::Conv2dDesc desc = convDesc(layer, padding);
    desc.upsample = true;
    desc.pixelSquares = true;  // a norm follows
    return ops::conv2d(graph, desc, {.x = x});
  }

  /// conv(silu(rms(x) * gamma * (1 + scale) + shift)) + residual
  Tensor normConv(const HostTensor& gamma, const ops::Modulation& scaleShift, const ops::NormInputs& x,
                  const Layer& layer, Tensor residual = {}) const {
    ops::NormDesc norm;
    norm.name = layer.name + ".norm";
    norm.kind = ops::NormDesc::Kind::Rms;
    norm.epsilon = epsilon;
    norm.gamma = gamma;
    norm.activation = Activation::Silu;
    norm.modulation = scaleShift;
    ops::Conv2dDesc conv = convDesc(layer, padding);
    conv.pixelSquares = true;  // another norm follows
    return ops::normConv2d(graph, norm, x, conv, residual);
  }

  Tensor block(const Block& b, Tensor h, Tensor skip = {}) const {
    const Tensor a = normConv(b.norm1, {}, {.x = h, .x2 = skip}, b.conv1);
    const Tensor r = b.shortcut ? conv(*b.shortcut, {.x = h, .x2 = skip}) : h;
    return normConv(b.norm2, {modulation, b.scaleAt, b.shiftAt}, {.x = a}, b.conv2, r);
  }
};

Tensor TextureUNet::build(graph::Graph& graph, const NetworkInputs& inputs) const {
  checkInputs(graph, inputs, modulation_.weight.shape[0]);
  const Padding padding = !config_.circular             ? Padding::Zero
                          : inputs.wrap == Wrap::Repeat ? Padding::Circular
                                                        : Padding::Edge;
  const Forward f{graph, config_.normEps, padding, inputs.embedding};
  std::vector<Tensor> skips;

  Tensor h = f.conv(stem_, {.x = ops::pixelUnshuffle2(graph, "unshuffle", inputs.x)}, 1, Activation::None, true);
  for (const Level& level : down_) {
    for (const Block& block : level.blocks) skips.push_back(h = f.block(block, h));
    h = f.conv(level.resample, {.x = h}, 2, Activation::None, true);
  }
  for (const Block& block : mid_) h = f.block(block, h);
  for (const Level& level : up_) {
    h = f.convUp(level.resample, h);
    for (const Block& block : level.blocks) {
      h = f.block(block, h, skips.back());
      skips.pop_back();
    }
  }
  h = f.normConv(headNorm_, {}, {.x = h}, expand_);
  h = ops::pixelShuffle2(graph, "shuffle", h);
  h = f.conv(full_, {.x = h, .x2 = inputs.x}, 1, Activation::Silu);
  return f.conv(out_, {.x = h});
}

Tensor TextureUNet::embed(graph::Graph& graph, Tensor conditioning) const {
  checkConditioning(graph, conditioning);
  const ConditioningLayout layout = this->conditioning();
  const auto sincos = [&](const char* name, std::uint32_t channel, float scale) {
    ops::TimeEmbedDesc desc;
    desc.name = name;
    desc.frequencies = config_.timeFrequencies;
    desc.inputScale = scale;
    return ops::TimeEmbedTerm{desc, channel};
  };
  std::vector<ops::TimeEmbedTerm> terms{sincos("t", layout.timestep, 1000)};
  if (config_.targetTime) terms.push_back(sincos("s", layout.targetTime, 1000));
  if (config_.guidance) terms.push_back(sincos("w", layout.guidance, 100));  // 1000 w / 10
  Tensor e = ops::timeEmbed(graph, "emb.features", conditioning, terms, layout.style, layout.channels - layout.style);
  e = ops::linear(graph, linearDesc(features_, Activation::Silu), e);
  e = ops::linear(graph, linearDesc(embOut_, Activation::Silu), e);
  return ops::linear(graph, linearDesc(modulation_), e);
}

TextureUNet::TextureUNet(const TextureUNetConfig& config, const Safetensors& file, std::string name) : config_(config) {
  WeightReader weights(file);
  MergedLinear modulation("mod");
  const std::array<std::uint32_t, 3>& w = config_.widths;
  const auto readBlocks = [&](const std::string& prefix, std::uint32_t in, std::uint32_t out) {
    std::vector<Block> blocks;
    for (std::uint32_t j = 0; j < config_.blocksPerLevel; ++j) {
      blocks.push_back(readBlock(weights, prefix + "." + std::to_string(j), in, out, modulation));
    }
    return blocks;
  };

  features_ = readFeatures(weights);
  embOut_ = weights.linear("emb.out", config_.embeddingDim, config_.embeddingDim);
  stem_ = weights.conv("stem", 4 * config_.inChannels, w[0]);
  for (const std::uint32_t i : {0u, 1u}) {
    const std::string prefix = "down." + std::to_string(i);
    down_.push_back({readBlocks(prefix, w[i], w[i]), weights.conv(prefix + ".down", w[i], w[i + 1])});
  }
  mid_ = readBlocks("mid", w[2], w[2]);
  for (const std::uint32_t i : {1u, 0u}) {
    const std::string prefix = "up." + std::to_string(i);
    up_.push_back({readBlocks(prefix, 2 * w[i], w[i]), weights.conv(prefix + ".proj", w[i + 1], w[i], 1)});
  }
  headNorm_ = weights.take("head.norm", {w[0]});
  expand_ = weights.conv("head.expand", w[0], 4 * config_.shuffleChannels);
  full_ = weights.conv("head.full", config_.shuffleChannels + config_.inChannels, config_.headWidth);
  out_ = weights.conv("head.out", config_.headWidth, config_.outChannels);
  weights.finish();
  modulation_ = modulation.layer();

  info_.architecture = "texture_unet";
  info_.name = std::move(name);
  info_.inChannels = config_.inChannels;
  info_.outChannels = config_.outChannels;
  info_.sizeMultiple = kSizeMultiple;
  info_.wraps = config_.circular;
  info_.nativeSize = config_.trainingSize;
  info_.classes = config_.classes;
  info_.nullClass = true;
  info_.styleDim = config_.styleDim;
  info_.whitening = config_.whitening;
  info_.targetTime = config_.targetTime;
  info_.guidanceInput = config_.guidance;
  info_.parameters = weights.parameters();
  info_.quantizedLayers = weights.quantizedLayers();
  info_.scheduler = modelConfig(nlohmann::json::parse(config_.schedule), config_.prediction);
  if (config_.outChannels == 2 * config_.inChannels) info_.scheduler.variance = VarianceType::LearnedRange;
  readStyles(file);
}

TextureUNet::Block TextureUNet::readBlock(WeightReader& weights, const std::string& name, std::uint32_t in,
                                          std::uint32_t out, MergedLinear& modulation) const {
  Block block;
  block.name = name;
  block.norm1 = weights.take(name + ".norm1", {in});
  block.conv1 = weights.conv(name + ".conv1", in, out);
  block.scaleAt = modulation.append(weights.linear(name + ".mod", config_.embeddingDim, 2 * out));
  block.shiftAt = block.scaleAt + out;
  block.norm2 = weights.take(name + ".norm2", {out});
  block.conv2 = weights.conv(name + ".conv2", out, out);
  if (in != out) block.shortcut = weights.conv(name + ".shortcut", in, out, 1);
  return block;
}

/// W [sincos, (style - mean) / std] + b + table^T c  =  [W_sincos, W_style / std, table^T] [sincos, style, c] + (b -
/// W_style mean / std)
Layer TextureUNet::readFeatures(WeightReader& weights) const {
  const std::size_t rows = config_.embeddingDim, styles = config_.styleDim, classes = config_.classes.size() + 1;
  const std::size_t sinusoids =
      std::size_t{2} * config_.timeFrequencies * (1u + (config_.targetTime ? 1u : 0u) + (config_.guidance ? 1u : 0u));
  const Layer in = weights.linear("emb.in", static_cast<std::uint32_t>(sinusoids + styles), config_.embeddingDim);
  const HostTensor table = weights.take("emb.class", {static_cast<std::uint32_t>(classes), config_.embeddingDim});
  HostTensor mean, deviation;
  if (styles != 0) {
    mean = weights.take("style_norm.mean", {config_.styleDim});
    deviation = weights.take("style_norm.std", {config_.styleDim});
  }
  for (std::size_t k = 0; k < deviation.values.size(); ++k) {
    if (deviation.values[k] > 0) continue;
    throw Error(ErrorCode::CorruptFile, "tensor 'style_norm.std': value " + std::to_string(k) + " is " +
                                            std::to_string(deviation.values[k]) + ", expected a positive number");
  }
  const std::size_t columns = sinusoids + styles + classes;
  Layer merged{"emb.in", {{config_.embeddingDim, static_cast<std::uint32_t>(columns)}, {}}, in.bias, {}};
  merged.weight.values.reserve(rows * columns);
  for (std::size_t row = 0; row < rows; ++row) {
    const float* weight = &in.weight.values[row * (sinusoids + styles)];
    merged.weight.values.insert(merged.weight.values.end(), weight, weight + sinusoids);
    double bias = in.bias.values[row];
    for (std::size_t k = 0; k < styles; ++k) {
      const double scaled = double{weight[sinusoids + k]} / double{deviation.values[k]};
      merged.weight.values.push_back(static_cast<float>(scaled));
      bias -= scaled * double{mean.values[k]};
    }
    merged.bias.values[row] = static_cast<float>(bias);
    for (std::size_t c = 0; c < classes; ++c) merged.weight.values.push_back(table.values[c * rows + row]);
  }
  return merged;
}

void TextureUNet::readStyles(const Safetensors& file) {
  const auto text = file.metadata().find("styles");
  if (text == file.metadata().end() || config_.styleDim == 0) return;
  const auto invalid = [&](const std::string& what) {
    throw Error(ErrorCode::CorruptFile, file.name() + ": metadata key 'styles': " + what);
  };
  const ConfigReader reader(file.name() + ": metadata key 'styles'", text->second);
  const nlohmann::json object = nlohmann::json::parse(text->second);
  info_.styles.resize(config_.classes.size());
  for (std::size_t c = 0; c < config_.classes.size(); ++c) {
    const auto vectors = object.find(config_.classes[c]);
    if (vectors == object.end()) continue;
    if (!vectors->is_array()) invalid("class '" + config_.classes[c] + "': expected an array of style vectors");
    for (const nlohmann::json& vector : *vectors) {
      const auto isFinite = [](const nlohmann::json& v) { return v.is_number() && std::isfinite(v.get<float>()); };
      const bool numbers =
          vector.is_array() && vector.size() == config_.styleDim && std::all_of(vector.begin(), vector.end(), isFinite);
      if (!numbers) {
        invalid("class '" + config_.classes[c] + "': expected each style to be " + std::to_string(config_.styleDim) +
                " numbers");
      }
      info_.styles[c].push_back(vector.get<std::vector<float>>());
    }
  }
}

}  // namespace rivulet::models
