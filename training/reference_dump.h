// Inputs and outputs of a network for the runtime to reproduce: `rivulet verify` reads this layout.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "training/texture_unet.h"

namespace rivulet::training {

// Writes folder/model.safetensors (float32) and folder/io.safetensors: for case k, k.x [N,C,H,W] F32, k.t [N] F32,
// k.class [N] I32 (the null class included), k.style [N,10] F32, k.s and k.guidance [N] F32 where the network has
// them, k.y F32.
void dumpReference(const std::filesystem::path& folder, const TextureUnet& network,
                   const nlohmann::ordered_json& styles, std::uint64_t seed);

}  // namespace rivulet::training
