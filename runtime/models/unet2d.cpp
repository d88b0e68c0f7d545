#include "models/unet2d.h"

#include <algorithm>

#include "core/error.h"
#include "models/layer_ops.h"
#include "ops/norm.h"
#include "ops/resample.h"
#include "ops/time_embed.h"

namespace rivulet::models {

using graph::Tensor;
using ops::Activation;
using ops::Padding;

UNet2D::UNet2D(const UNet2DConfig& config, const Safetensors& file, std::string name, SamplerConfig scheduler)
    : config_(config) {
  WeightReader weights(file);
  UNet2DBlockReader blocks(weights, config_);
  const std::uint32_t finest = config_.channels.front(), coarsest = config_.channels.back();

  timeLinear1_ = weights.linear("time_embedding.linear_1", finest, config_.timeDim);
  timeLinear2_ = weights.linear("time_embedding.linear_2", config_.timeDim, config_.timeDim);
  if (config_.classes != 0) classTable_ = weights.take("class_embedding.weight", {config_.classes, config_.timeDim});
  convIn_ = weights.conv("conv_in", config_.inChannels, finest);
  for (std::uint32_t i = 0; i < config_.levels(); ++i) down_.push_back(readDown(blocks, weights, i));
  if (config_.midBlock) {
    using Resample = ResnetBlock::Resample;
    mid_.resnets.push_back(blocks.resnet("mid_block.resnets.0", coarsest, coarsest, Resample::None, config_.midScale));
    if (config_.midAttention) {
      mid_.attentions.push_back(blocks.attention("mid_block.attentions.0", coarsest, config_.midNormGroups,
                                                 config_.midScale, "attn_norm_num_groups"));
    }
    mid_.resnets.push_back(blocks.resnet("mid_block.resnets.1", coarsest, coarsest, Resample::None, config_.midScale));
  }
  for (std::uint32_t i = 0; i < config_.levels(); ++i) up_.push_back(readUp(blocks, weights, i));
  normOut_ = readGroupNorm(weights, "conv_norm_out", finest, config_.normGroups, "norm_num_groups");
  convOut_ = weights.conv("conv_out", finest, config_.outChannels);
  weights.finish();
  timeProjections_ = blocks.timeProjections();

  info_.architecture = "unet2d";
  info_.name = std::move(name);
  info_.inChannels = config_.inChannels;
  info_.outChannels = config_.outChannels;
  info_.wraps = false;
  info_.sizeMultiple = config_.sizeMultiple();
  info_.nativeSize = std::max(config_.sampleSize != 0 ? config_.sampleSize : 64, info_.sizeMultiple);
  for (std::uint32_t i = 0; i < config_.classes; ++i) info_.classes.push_back(std::to_string(i));
  info_.parameters = weights.parameters();
  info_.scheduler = std::move(scheduler);
}

UNet2D::Level UNet2D::readDown(UNet2DBlockReader& blocks, WeightReader& weights, std::uint32_t index) const {
  const std::string name = "down_blocks." + std::to_string(index) + ".";
  const UNet2DBlockType type = config_.down[index];
  const std::uint32_t out = config_.channels[index];
  std::uint32_t in = config_.channels[index == 0 ? 0 : index - 1];
  Level level;
  for (std::uint32_t j = 0; j < config_.layersPerBlock; ++j, in = out) {
    level.resnets.push_back(blocks.resnet(name + "resnets." + std::to_string(j), in, out));
    if (type.attention) {
      level.attentions.push_back(
          blocks.attention(name + "attentions." + std::to_string(j), out, config_.normGroups, 1, "norm_num_groups"));
    }
  }
  if (index + 1 == config_.levels()) return level;
  if (type.resnetSampler) {
    level.resnetSampler = blocks.resnet(name + "downsamplers.0", out, out, ResnetBlock::Resample::Down);
  } else {
    level.convSampler = weights.conv(name + "downsamplers.0.conv", out, out);
  }
  return level;
}

UNet2D::Level UNet2D::readUp(UNet2DBlockReader& blocks, WeightReader& weights, std::uint32_t index) const {
  const std::string name = "up_blocks." + std::to_string(index) + ".";
  const UNet2DBlockType type = config_.up[index];
  const std::uint32_t last = config_.levels() - 1, level0 = last - index;  // index of the same resolution going down
  const std::uint32_t out = config_.channels[level0];
  const std::uint32_t finer = config_.channels[level0 == 0 ? 0 : level0 - 1];
  std::uint32_t in = config_.channels[std::min(level0 + 1, last)];
  Level level;
  for (std::uint32_t j = 0; j <= config_.layersPerBlock; ++j, in = out) {
    // The last skip connection of a level is what came into it going down.
    const std::uint32_t skip = j == config_.layersPerBlock ? finer : out;
    level.resnets.push_back(blocks.resnet(name + "resnets." + std::to_string(j), in + skip, out));
    if (type.attention) {
      level.attentions.push_back(
          blocks.attention(name + "attentions." + std::to_string(j), out, config_.normGroups, 1, "norm_num_groups"));
    }
  }
  if (index == last) return level;
  if (type.resnetSampler) {
    level.resnetSampler = blocks.resnet(name + "upsamplers.0", out, out, ResnetBlock::Resample::Up);
  } else {
    level.convSampler = weights.conv(name + "upsamplers.0.conv", out, out);
  }
  return level;
}

Tensor UNet2D::embed(graph::Graph& graph, Tensor conditioning) const {
  checkConditioning(graph, conditioning);
  const ConditioningLayout layout = this->conditioning();
  ops::TimeEmbedTerm k;
  k.desc.name = "time_proj";
  k.desc.frequencies = config_.channels[0] / 2;
  k.desc.cosFirst = config_.cosFirst;
  k.desc.freqShift = config_.freqShift;
  k.channel = layout.timestep;
  Tensor embedding = ops::timeEmbed(graph, k.desc.name, conditioning, {&k, 1});
  embedding = ops::linear(graph, linearDesc(timeLinear1_, Activation::Silu), embedding);

  Tensor classEmbedding;
  if (config_.classes != 0) {
    // table^T times the class weights; the conditioning's other channels meet zeros.
    ops::LinearDesc table;
    table.name = "class_embedding";
    table.weight.shape = {config_.timeDim, layout.channels};
    table.weight.values.assign(std::size_t{config_.timeDim} * layout.channels, 0.0f);
    for (std::size_t c = 0; c < config_.classes; ++c) {
      for (std::size_t e = 0; e < config_.timeDim; ++e) {
        table.weight.values[e * layout.channels + layout.classWeights + c] =
            classTable_.values[c * config_.timeDim + e];
      }
    }
    classEmbedding = ops::linear(graph, table, conditioning);
  }
  // Every block applies silu to the embedding before its projection: once is enough.
  embedding = ops::linear(graph, linearDesc(timeLinear2_, Activation::Silu), embedding, classEmbedding);
  return ops::linear(graph, linearDesc(timeProjections_), embedding);
}

Tensor UNet2D::convIn(graph::Graph& graph, const NetworkInputs& inputs) const {
  ops::Conv2dInputs in{.x = inputs.x};
  if (config_.centerInput) {
    // 2 x - 1 while reading, so that padding stays zero: constants, as a linear layer that looks at nothing.
    const std::uint32_t channels = graph.desc(inputs.embedding).c;
    const auto constant = [&](const char* name, float value) {
      ops::LinearDesc desc;
      desc.name = name;
      desc.weight.shape = {config_.inChannels, channels};
      desc.weight.values.assign(std::size_t{config_.inChannels} * channels, 0.0f);
      desc.bias.shape = {config_.inChannels};
      desc.bias.values.assign(config_.inChannels, value);
      return ops::linear(graph, desc, inputs.embedding);
    };
    in.prologue = ops::Prologue{.scale = constant("center.scale", 2), .shift = constant("center.shift", -1)};
  }
  return ops::conv2d(graph, convDesc(convIn_, Padding::Zero), in);
}

Tensor UNet2D::layer(const UNet2DForward& forward, const Level& level, std::size_t index, Tensor x, Tensor skip) const {
  x = forward.resnet(level.resnets[index], x, skip);
  return level.attentions.empty() ? x : forward.attention(level.attentions[index], x);
}

Tensor UNet2D::build(graph::Graph& graph, const NetworkInputs& inputs) const {
  checkInputs(graph, inputs, timeProjections_.weight.shape[0]);
  const UNet2DForward forward{graph, config_, inputs.embedding};
  Tensor h = convIn(graph, inputs);
  std::vector<Tensor> skips{h};
  for (const Level& level : down_) {
    for (std::size_t j = 0; j < level.resnets.size(); ++j) skips.push_back(h = layer(forward, level, j, h, {}));
    if (level.resnetSampler) skips.push_back(h = forward.resnet(*level.resnetSampler, h));
    if (level.convSampler) {
      ops::Conv2dDesc down = convDesc(*level.convSampler, config_.padAfter ? Padding::ZeroAfter : Padding::Zero);
      down.stride = 2;
      skips.push_back(h = ops::conv2d(graph, down, {.x = h}));
    }
  }
  if (config_.midBlock) {
    h = forward.resnet(mid_.resnets[0], h);
    if (!mid_.attentions.empty()) h = forward.attention(mid_.attentions[0], h);
    h = forward.resnet(mid_.resnets[1], h);
  }
  for (const Level& level : up_) {
    for (std::size_t j = 0; j < level.resnets.size(); ++j) {
      h = layer(forward, level, j, h, skips.back());
      skips.pop_back();
    }
    if (level.resnetSampler) h = forward.resnet(*level.resnetSampler, h);
    if (level.convSampler) {
      h = forward.conv(*level.convSampler, ops::nearestUpsample2(graph, level.convSampler->name + ".up", h));
    }
  }
  const ops::NormDesc norm = normDesc(normOut_, config_.normEps, Activation::Silu);
  return ops::normConv2d(graph, norm, {.x = h}, convDesc(convOut_, Padding::Zero));
}

}  // namespace rivulet::models
