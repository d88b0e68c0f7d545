#pragma once
// diffusers' UNet2DModel: networks trained elsewhere, loaded from their folder as they are.

#include <optional>
#include <string>
#include <vector>

#include "models/network.h"
#include "models/unet2d_blocks.h"
#include "models/unet2d_config.h"
#include "tensor/safetensors.h"

namespace rivulet::models {

class UNet2D final : public Network {
 public:
  /// `name` is what info().name becomes. Errors: as Network::load.
  UNet2D(const UNet2DConfig& config, const Safetensors& file, std::string name, SamplerConfig scheduler);

  /// The conditioning's timestep is DDPM's k (or whatever number the network was trained with); class weights are
  /// blended from the class table. The embedding: every residual block's projection of it.
  graph::Tensor embed(graph::Graph& graph, graph::Tensor conditioning) const override;
  graph::Tensor build(graph::Graph& graph, const NetworkInputs& inputs) const override;

 private:
  /// Residual blocks with an attention behind each, or none, then perhaps a change of resolution.
  struct Level {
    std::vector<ResnetBlock> resnets;
    std::vector<AttentionBlock> attentions;  // as many as resnets, or none
    std::optional<ResnetBlock> resnetSampler;
    std::optional<Layer> convSampler;
  };
  Level readDown(UNet2DBlockReader& blocks, WeightReader& weights, std::uint32_t index) const;
  Level readUp(UNet2DBlockReader& blocks, WeightReader& weights, std::uint32_t index) const;
  graph::Tensor convIn(graph::Graph& graph, const NetworkInputs& inputs) const;
  graph::Tensor layer(const UNet2DForward& forward, const Level& level, std::size_t index, graph::Tensor x,
                      graph::Tensor skip) const;

  UNet2DConfig config_;
  Layer timeLinear1_, timeLinear2_, timeProjections_;
  HostTensor classTable_;  // [classes, timeDim], or no values
  Layer convIn_, convOut_;
  GroupNorm normOut_;
  std::vector<Level> down_, up_;
  Level mid_;
};

}  // namespace rivulet::models
