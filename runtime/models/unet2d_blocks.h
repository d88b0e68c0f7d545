#pragma once
// The two building blocks of diffusers' UNet2DModel, ResnetBlock2D and Attention: their weights, and how they are
// appended to a graph.

#include <optional>
#include <string>

#include "graph/graph.h"
#include "models/unet2d_config.h"
#include "models/weight_reader.h"
#include "ops/norm.h"

namespace rivulet::models {

struct GroupNorm {
  Affine affine;
  std::uint32_t groups = 1;
};

/// Errors: CorruptFile also when `groups` does not divide `channels`.
GroupNorm readGroupNorm(WeightReader& weights, const std::string& name, std::uint32_t channels, std::uint32_t groups,
                        const char* groupsKey);

ops::NormDesc normDesc(const GroupNorm& norm, float epsilon, ops::Activation activation);

/// h = conv1(silu(norm1(x))); h = norm2(h + time) or norm2(h) * (1 + scale) + shift; (shortcut(x) + conv2(silu(h))) /
/// divisor.
struct ResnetBlock {
  enum class Resample { None, Down, Up };  // Down: 2×2 means; Up: nearest; of x and of conv1's input

  GroupNorm norm1, norm2;
  Layer conv1, conv2;
  std::optional<Layer> shortcut;  // 1×1, where the channels differ
  std::uint32_t timeAt = 0;       // first channel in the merged time projection: [C], or scale and shift [2C]
  Resample resample = Resample::None;
  float divisor = 1;
};

/// x + toOut(softmax(q k^T / sqrt(headDim)) v), q, k, v being linear maps of norm(x); the sum is divided by `divisor`.
struct AttentionBlock {
  std::string name;
  std::optional<GroupNorm> norm;
  Layer toQ, toK, toV, toOut;
  std::uint32_t heads = 1, headDim = 1;
  float divisor = 1;
};

/// Takes the weights of blocks; gathers the blocks' time projections into one linear layer.
class UNet2DBlockReader {
 public:
  UNet2DBlockReader(WeightReader& weights, const UNet2DConfig& config) : weights_(weights), config_(config) {}

  ResnetBlock resnet(const std::string& name, std::uint32_t in, std::uint32_t out,
                     ResnetBlock::Resample resample = ResnetBlock::Resample::None, float divisor = 1);
  /// Names of the layers may be today's (to_q, to_k, to_v, to_out.0) or the deprecated ones (query, key, value,
  /// proj_attn).
  AttentionBlock attention(const std::string& name, std::uint32_t channels, std::optional<std::uint32_t> groups,
                           float divisor, const char* groupsKey);
  const Layer& timeProjections() const { return time_.layer(); }

 private:
  WeightReader& weights_;
  const UNet2DConfig& config_;
  MergedLinear time_{"time_emb_proj"};
};

/// What the blocks of one evaluation have in common.
struct UNet2DForward {
  graph::Graph& graph;
  const UNet2DConfig& config;
  graph::Tensor time;  // [N,1,1,M] float: every block's projection of the embedding

  graph::Tensor conv(const Layer& layer, graph::Tensor x, graph::Tensor x2 = {}) const;
  /// x [N,H,W,C1], `skip` [N,H,W,C2] read as if concatenated, or empty.
  graph::Tensor resnet(const ResnetBlock& block, graph::Tensor x, graph::Tensor skip = {}) const;
  graph::Tensor attention(const AttentionBlock& block, graph::Tensor x) const;
};

}  // namespace rivulet::models
