#include "models/unet2d_config.h"

#include <algorithm>

#include "core/error.h"
#include "models/config_reader.h"

namespace rivulet::models {
namespace {

constexpr std::uint32_t kMaxChannels = 16384, kMaxLevels = 10, kMaxLayers = 64, kMaxClasses = 8192;

struct BlockNames {
  const char *plain, *attention, *resnet;
};
constexpr BlockNames kDown{"DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"};
constexpr BlockNames kUp{"UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"};

/// `sampler` is downsample_type or upsample_type; only the attention blocks look at it.
std::vector<UNet2DBlockType> blockTypes(const ConfigReader& reader, const char* key, const BlockNames& names,
                                        const std::string& sampler) {
  std::vector<UNet2DBlockType> types;
  for (std::string name : reader.texts(key)) {
    if (name.starts_with("UNetRes")) name.erase(0, 7);  // as diffusers does for its oldest files
    if (name == names.plain) {
      types.push_back({false, false});
    } else if (name == names.attention) {
      types.push_back({true, sampler == "resnet"});
    } else if (name == names.resnet) {
      types.push_back({false, true});
    } else {
      throw Error(ErrorCode::Unsupported, reader.source() + ": key '" + key + "': unknown block type '" + name +
                                              "', expected " + names.plain + ", " + names.attention + " or " +
                                              names.resnet);
    }
  }
  return types;
}

void require(const ConfigReader& reader, const char* key, const std::string& value) {
  if (reader.has(key) && reader.text(key) != value) reader.unsupported(key, "\"" + value + "\"");
}

std::string oneOf(const ConfigReader& reader, const char* key, const std::string& first, const std::string& second) {
  std::string value = reader.text(key, first);
  if (value != first && value != second) reader.unsupported(key, "\"" + first + "\" and \"" + second + "\"");
  return value;
}

/// An integer, or [height, width]: then the larger one.
std::uint32_t sampleSize(const ConfigReader& reader) {
  constexpr ConfigReader::Range range{1, 65536};
  if (!reader.has("sample_size")) return 0;
  if (!reader.raw("sample_size").starts_with("[")) return reader.integer("sample_size", range);
  const std::vector<std::uint32_t> sizes = reader.integers("sample_size", range);
  if (sizes.size() != 2) reader.invalid("sample_size", "an integer or two of them");
  return std::max(sizes[0], sizes[1]);
}

}  // namespace

UNet2DConfig readUNet2DConfig(const ConfigReader& reader) {
  UNet2DConfig c;
  constexpr ConfigReader::Range channels{1, kMaxChannels};
  c.inChannels = reader.integer("in_channels", channels, 3);
  c.outChannels = reader.integer("out_channels", channels, 3);
  c.sampleSize = sampleSize(reader);

  c.channels = reader.integers("block_out_channels", channels);
  if (c.channels.empty() || c.channels.size() > kMaxLevels) {
    reader.invalid("block_out_channels", "1 to " + std::to_string(kMaxLevels) + " numbers");
  }
  const std::string levels = std::to_string(c.channels.size()) + " block types, one for each of block_out_channels";
  c.down = blockTypes(reader, "down_block_types", kDown, oneOf(reader, "downsample_type", "conv", "resnet"));
  if (c.down.size() != c.channels.size()) reader.invalid("down_block_types", levels);
  c.up = blockTypes(reader, "up_block_types", kUp, oneOf(reader, "upsample_type", "conv", "resnet"));
  if (c.up.size() != c.channels.size()) reader.invalid("up_block_types", levels);
  // Files written before the option existed have no key and do have a mid block; null means none.
  c.midBlock = reader.has("mid_block_type") || !reader.contains("mid_block_type");
  require(reader, "mid_block_type", "UNetMidBlock2D");
  c.layersPerBlock = reader.integer("layers_per_block", {1, kMaxLayers}, 2);
  c.padAfter = reader.integer("downsample_padding", {0, 1}, 1) == 0;

  if (const std::string act = reader.text("act_fn", "silu"); act != "silu" && act != "swish") {
    reader.unsupported("act_fn", "\"silu\"");
  }
  c.normGroups = reader.integer("norm_num_groups", {1, kMaxChannels}, 32);
  if (reader.contains("norm_num_groups") && !reader.has("norm_num_groups")) {
    reader.unsupported("norm_num_groups", "a number");
  }
  c.normEps = static_cast<float>(reader.real("norm_eps", 0, 1, 1e-5));
  c.scaleShift = oneOf(reader, "resnet_time_scale_shift", "default", "scale_shift") == "scale_shift";
  c.midScale = static_cast<float>(reader.real("mid_block_scale_factor", 1e-6, 1e6, 1));
  c.midAttention = reader.boolean("add_attention", true);
  c.headDim = reader.contains("attention_head_dim") ? reader.optionalInteger("attention_head_dim", {1, kMaxChannels})
                                                    : std::optional<std::uint32_t>(8);
  // Without a number of its own, the mid block's attention is normalised only where the time embedding is added
  // (diffusers, UNetMidBlock2D: attn_groups).
  c.midNormGroups = reader.optionalInteger("attn_norm_num_groups", {1, kMaxChannels});
  if (!c.midNormGroups && !c.scaleShift) c.midNormGroups = c.normGroups;

  c.centerInput = reader.boolean("center_input_sample", false);
  require(reader, "time_embedding_type", "positional");
  c.cosFirst = reader.boolean("flip_sin_to_cos", true);
  if (c.channels[0] % 2 != 0) reader.invalid("block_out_channels", "an even first number: the time embedding's width");
  c.freqShift = static_cast<float>(reader.real("freq_shift", 0, kMaxChannels, 0));
  if (2 * c.freqShift >= static_cast<float>(c.channels[0])) {
    reader.invalid("freq_shift", "a number below half of block_out_channels[0]");
  }
  c.timeDim = reader.optionalInteger("time_embedding_dim", channels).value_or(0);
  if (c.timeDim == 0) c.timeDim = 4 * c.channels[0];
  if (reader.has("class_embed_type")) reader.unsupported("class_embed_type", "null (a table of num_class_embeds)");
  c.classes = reader.optionalInteger("num_class_embeds", {1, kMaxClasses}).value_or(0);
  if (reader.boolean("attention_legacy_order", false)) reader.unsupported("attention_legacy_order", "false");
  reader.warnAboutUnknownKeys({"dropout", "num_train_timesteps"});
  return c;
}

}  // namespace rivulet::models
