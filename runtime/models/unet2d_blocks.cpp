#include "models/unet2d_blocks.h"

#include <cmath>

#include "core/error.h"
#include "models/layer_ops.h"
#include "ops/attention.h"
#include "ops/resample.h"

namespace rivulet::models {
namespace {

using graph::Tensor;
using ops::Activation;
using ops::Padding;

/// Means of 2×2 pixels (torch.nn.AvgPool2d(2)): the four become channels, a 1×1 convolution averages them. Rare enough
/// in networks to need no kernel of its own.
Tensor averagePool2(graph::Graph& graph, const std::string& name, Tensor x) {
  const std::uint32_t channels = graph.desc(x).c;
  ops::Conv2dDesc desc;
  desc.name = name + ".mean";
  desc.weight.shape = {channels, 4 * channels, 1, 1};
  desc.weight.values.assign(std::size_t{4} * channels * channels, 0.0f);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < 4; ++k) desc.weight.values[c * 4 * channels + 4 * c + k] = 0.25f;
  }
  return ops::conv2d(graph, desc, {.x = ops::pixelUnshuffle2(graph, name + ".unshuffle", x)});
}

}  // namespace

GroupNorm readGroupNorm(WeightReader& weights, const std::string& name, std::uint32_t channels, std::uint32_t groups,
                        const char* groupsKey) {
  if (channels % groups != 0) {
    throw Error(ErrorCode::CorruptFile, std::string("configuration key '") + groupsKey +
                                            "': " + std::to_string(groups) + " groups, expected a divisor of the " +
                                            std::to_string(channels) + " channels of '" + name + "'");
  }
  return {weights.affine(name, channels), groups};
}

ops::NormDesc normDesc(const GroupNorm& norm, float epsilon, Activation activation) {
  ops::NormDesc desc;
  desc.name = norm.affine.name;
  desc.kind = ops::NormDesc::Kind::Group;
  desc.groups = norm.groups;
  desc.epsilon = epsilon;
  desc.gamma = norm.affine.gamma;
  desc.beta = norm.affine.beta;
  desc.activation = activation;
  return desc;
}

ResnetBlock UNet2DBlockReader::resnet(const std::string& name, std::uint32_t in, std::uint32_t out,
                                      ResnetBlock::Resample resample, float divisor) {
  ResnetBlock block;
  block.norm1 = readGroupNorm(weights_, name + ".norm1", in, config_.normGroups, "norm_num_groups");
  block.conv1 = weights_.conv(name + ".conv1", in, out);
  block.timeAt =
      time_.append(weights_.linear(name + ".time_emb_proj", config_.timeDim, config_.scaleShift ? 2 * out : out));
  block.norm2 = readGroupNorm(weights_, name + ".norm2", out, config_.normGroups, "norm_num_groups");
  block.conv2 = weights_.conv(name + ".conv2", out, out);
  if (in != out) block.shortcut = weights_.conv(name + ".conv_shortcut", in, out, 1);
  block.resample = resample;
  block.divisor = divisor;
  return block;
}

AttentionBlock UNet2DBlockReader::attention(const std::string& name, std::uint32_t channels,
                                            std::optional<std::uint32_t> groups, float divisor, const char* groupsKey) {
  AttentionBlock block;
  block.name = name;
  block.headDim = config_.headDim.value_or(channels);
  block.heads = channels / block.headDim;
  if (block.heads == 0) {
    throw Error(ErrorCode::CorruptFile, "configuration key 'attention_head_dim': " + std::to_string(block.headDim) +
                                            ", expected at most the " + std::to_string(channels) + " channels of '" +
                                            name + "'");
  }
  if (groups) block.norm = readGroupNorm(weights_, name + ".group_norm", channels, *groups, groupsKey);
  const bool deprecated = weights_.contains(name + ".query.weight");
  const std::uint32_t inner = block.heads * block.headDim;
  block.toQ = weights_.pointwise(name + (deprecated ? ".query" : ".to_q"), channels, inner);
  block.toK = weights_.pointwise(name + (deprecated ? ".key" : ".to_k"), channels, inner);
  block.toV = weights_.pointwise(name + (deprecated ? ".value" : ".to_v"), channels, inner);
  block.toOut = weights_.pointwise(name + (deprecated ? ".proj_attn" : ".to_out.0"), inner, channels);
  block.divisor = divisor;
  return block;
}

Tensor UNet2DForward::conv(const Layer& layer, Tensor x, Tensor x2) const {
  return ops::conv2d(graph, convDesc(layer, Padding::Zero), {.x = x, .x2 = x2});
}

Tensor UNet2DForward::resnet(const ResnetBlock& block, Tensor x, Tensor skip) const {
  const ops::NormDesc norm1 = normDesc(block.norm1, config.normEps, Activation::Silu);
  const ops::Conv2dDesc conv1 = convDesc(block.conv1, Padding::Zero);
  const Tensor added = config.scaleShift ? Tensor{} : time;
  Tensor h;
  if (block.resample == ResnetBlock::Resample::None) {
    h = ops::normConv2d(graph, norm1, {.x = x, .x2 = skip}, conv1, {}, added, block.timeAt);
  } else {
    const auto resampled = [&](const std::string& name, Tensor tensor) {
      return block.resample == ResnetBlock::Resample::Up ? ops::nearestUpsample2(graph, name + ".up", tensor)
                                                         : averagePool2(graph, name + ".down", tensor);
    };
    h = resampled(block.norm1.affine.name, ops::norm(graph, norm1, {.x = x}));
    h = ops::conv2d(graph, conv1, {.x = h, .laneBias = added, .laneBiasAt = block.timeAt});
    x = resampled(block.conv1.name, x);
  }
  ops::NormDesc norm2 = normDesc(block.norm2, config.normEps, Activation::Silu);
  if (config.scaleShift) norm2.modulation = {time, block.timeAt, block.timeAt + block.conv1.bias.shape[0]};
  ops::Conv2dDesc conv2 = convDesc(block.conv2, Padding::Zero);
  conv2.outputScale = 1.0f / block.divisor;
  const Tensor residual = block.shortcut ? conv(*block.shortcut, x, skip) : x;
  return ops::normConv2d(graph, norm2, {.x = h}, conv2, residual);
}

Tensor UNet2DForward::attention(const AttentionBlock& block, Tensor x) const {
  const Tensor h = block.norm ? ops::norm(graph, normDesc(*block.norm, config.normEps, Activation::None), {.x = x}) : x;
  const float scale = 1.0f / std::sqrt(static_cast<float>(block.headDim));
  const Tensor mixed =
      ops::attention(graph, block.name, conv(block.toQ, h), conv(block.toK, h), conv(block.toV, h), block.heads, scale);
  ops::Conv2dDesc out = convDesc(block.toOut, Padding::Zero);
  out.outputScale = 1.0f / block.divisor;
  return ops::conv2d(graph, out, {.x = mixed, .residual = x});
}

}  // namespace rivulet::models
