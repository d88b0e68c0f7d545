// The weight file the runtime loads: docs/texture_unet.md, "Configuration" and "Tensors".
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "training/texture_unet.h"

namespace rivulet::training {

// `type` is float32 or float16. Written atomically.
void exportWeights(const std::filesystem::path& path, const TextureUnet& network, const nlohmann::ordered_json& styles,
                   const nlohmann::ordered_json& training, at::ScalarType type);

// The configuration of a file's network. Throws Error where it is damaged or of an architecture unknown here.
TextureUnetConfig readConfig(const std::filesystem::path& path);

// Fills the network with a file's weights. A network with a target time or a guidance input takes the weights of one
// without: the new inputs start with no effect. A wider network takes those of a narrower one and starts as the same
// function (growth.h). Throws Error where the file is of another configuration or damaged.
void importWeights(const std::filesystem::path& path, TextureUnet& network);

}  // namespace rivulet::training
