#pragma once
// The configuration of diffusers' UNet2DModel: config.json with every option checked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rivulet::models {

class ConfigReader;

/// One entry of down_block_types or up_block_types.
struct UNet2DBlockType {
  bool attention = false;      // AttnDownBlock2D, AttnUpBlock2D
  bool resnetSampler = false;  // the change of resolution is a residual block instead of a convolution
};

struct UNet2DConfig {
  std::uint32_t inChannels = 3, outChannels = 3;
  std::uint32_t sampleSize = 0;           // pixels; 0: not said
  std::vector<std::uint32_t> channels;    // block_out_channels, finest level first
  std::vector<UNet2DBlockType> down, up;  // down: finest first; up: coarsest first
  bool midBlock = true, midAttention = true;
  std::uint32_t layersPerBlock = 2;
  float midScale = 1;                    // divides the mid block's results
  bool padAfter = false;                 // downsample_padding 0: zeros on the right and at the bottom only
  std::optional<std::uint32_t> headDim;  // attention_head_dim; without: one head
  std::uint32_t normGroups = 32;
  std::optional<std::uint32_t> midNormGroups;  // of the mid block's attention; without: no norm there
  float normEps = 1e-5f;
  bool scaleShift = false;   // resnet_time_scale_shift: the embedding scales and shifts; otherwise it is added
  bool centerInput = false;  // 2 x - 1 first
  bool cosFirst = true;      // flip_sin_to_cos
  float freqShift = 0;
  std::uint32_t timeDim = 0;  // width of the embedding
  std::uint32_t classes = 0;  // num_class_embeds; 0: not class-conditional

  std::uint32_t levels() const { return static_cast<std::uint32_t>(channels.size()); }
  /// Width and height must be multiples of it: each level but the last halves them.
  std::uint32_t sizeMultiple() const { return 1u << (levels() - 1); }
};

/// Errors: CorruptFile for values that cannot be, Unsupported for options that diffusers has and Rivulet has not; each
/// names the key and what is expected.
UNet2DConfig readUNet2DConfig(const ConfigReader& reader);

}  // namespace rivulet::models
