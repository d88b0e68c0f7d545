#pragma once
// The configuration of our own network, docs/texture_unet.md "Configuration".

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "image/whitening.h"

namespace rivulet::models {

class ConfigReader;

struct TextureUNetConfig {
  std::uint32_t inChannels = 3, outChannels = 3;
  std::array<std::uint32_t, 3> widths{};  // w0, w1, w2
  std::uint32_t blocksPerLevel = 2;       // B
  std::uint32_t embeddingDim = 128;       // E
  std::uint32_t timeFrequencies = 32;     // F
  std::uint32_t shuffleChannels = 8;      // S
  std::uint32_t headWidth = 16;           // D
  std::uint32_t styleDim = 10;            // 0: no style
  std::vector<std::string> classes;
  bool targetTime = false, guidance = false;
  float normEps = 1e-6f;
  bool circular = true;  // or zeros outside the image
  Whitening whitening;
  std::string prediction, schedule;  // as in the file; `schedule` is JSON
  std::uint32_t trainingSize = 64;
};

/// Errors: CorruptFile and Unsupported, naming the key and what is expected.
TextureUNetConfig readTextureUNetConfig(const ConfigReader& reader);

}  // namespace rivulet::models
