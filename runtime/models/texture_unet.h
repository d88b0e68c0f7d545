#pragma once
// Rivulet's own network for textures that tile. docs/texture_unet.md is its contract.

#include <optional>
#include <string>
#include <vector>

#include "models/network.h"
#include "models/texture_unet_config.h"
#include "models/weight_reader.h"
#include "tensor/safetensors.h"

namespace rivulet::models {

class TextureUNet final : public Network {
 public:
  /// Width and height are multiples of it: the (un)shuffle halves them, and each of the two `down` convolutions.
  static constexpr std::uint32_t kSizeMultiple = 8;

  /// Errors: as Network::load.
  TextureUNet(const TextureUNetConfig& config, const Safetensors& file, std::string name);

  /// The conditioning's timestep is the noise level t in [0, 1]. The embedding: every block's scale and shift.
  graph::Tensor embed(graph::Graph& graph, graph::Tensor conditioning) const override;
  graph::Tensor build(graph::Graph& graph, const NetworkInputs& inputs) const override;

 private:
  struct Block {
    std::string name;
    HostTensor norm1, norm2;
    Layer conv1, conv2;
    std::optional<Layer> shortcut;
    std::uint32_t scaleAt = 0, shiftAt = 0;  // channels of the merged modulation
  };
  struct Level {
    std::vector<Block> blocks;
    Layer resample;  // down.i.down or up.i.proj
  };
  struct Forward;

  Block readBlock(WeightReader& weights, const std::string& name, std::uint32_t in, std::uint32_t out,
                  MergedLinear& modulation) const;
  Layer readFeatures(WeightReader& weights) const;
  void readStyles(const Safetensors& file);

  TextureUNetConfig config_;
  Layer features_;  // emb.in, the style's normalisation and emb.class as one linear layer
  Layer embOut_;
  Layer modulation_;  // every block's mod
  Layer stem_;
  std::vector<Level> down_;  // fine to coarse
  std::vector<Block> mid_;
  std::vector<Level> up_;  // coarse to fine
  HostTensor headNorm_;
  Layer expand_, full_, out_;
};

}  // namespace rivulet::models
