#include "models/texture_unet_config.h"

#include <algorithm>
#include <set>

#include "models/config_reader.h"

namespace rivulet::models {

TextureUNetConfig readTextureUNetConfig(const ConfigReader& reader) {
  constexpr ConfigReader::Range width{1, 16384};
  constexpr std::size_t kMaxClasses = 4096;
  TextureUNetConfig c;
  c.inChannels = reader.integer("in_channels", width);
  c.outChannels = reader.integer("out_channels", width);
  const std::vector<std::uint32_t> widths = reader.integers("widths", width);
  if (widths.size() != c.widths.size()) reader.invalid("widths", "three numbers");
  std::copy(widths.begin(), widths.end(), c.widths.begin());
  c.blocksPerLevel = reader.integer("blocks_per_level", {1, 64});
  c.embeddingDim = reader.integer("embedding_dim", width);
  c.timeFrequencies = reader.integer("time_frequencies", {1, 4096});
  c.shuffleChannels = reader.integer("shuffle_channels", {1, 4096});
  c.headWidth = reader.integer("head_width", width);
  c.styleDim = reader.integer("style_dim", {0, 64});
  if (c.styleDim != 0 && c.styleDim != 10) reader.unsupported("style_dim", "0 and 10");
  c.classes = reader.texts("classes");
  if (c.classes.size() > kMaxClasses) reader.invalid("classes", "at most " + std::to_string(kMaxClasses) + " names");
  if (std::set(c.classes.begin(), c.classes.end()).size() != c.classes.size()) {
    reader.invalid("classes", "names that differ");
  }
  c.targetTime = reader.boolean("target_time", false);
  c.guidance = reader.boolean("guidance", false);
  c.normEps = static_cast<float>(reader.real("norm_eps", 0, 1, 1e-6));
  c.whitening.floor = static_cast<float>(reader.real("whitening_floor", 0, 1, 0));
  c.whitening.chroma = static_cast<float>(reader.real("whitening_chroma", 0, 100, 0));
  if (c.whitening.floor > 0 && (c.styleDim == 0 || c.inChannels != 3)) {
    reader.unsupported("whitening_floor", "0 unless there is a style vector and x has three channels");
  }
  const std::string padding = reader.text("padding", "circular");
  if (padding != "circular" && padding != "zero") reader.unsupported("padding", "\"circular\" and \"zero\"");
  c.circular = padding == "circular";
  c.prediction = reader.text("prediction");
  c.schedule = reader.raw("schedule");
  c.trainingSize = reader.integer("training_size", {8, 65536}, 64);
  reader.warnAboutUnknownKeys({"architecture", "size"});
  return c;
}

}  // namespace rivulet::models
