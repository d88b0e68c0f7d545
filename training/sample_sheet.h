// Contact sheets of what the network makes, for the eye.
#pragma once

#include <filesystem>

#include "training/euler_sampler.h"
#include "training/example_source.h"
#include "training/texture_unet.h"

namespace rivulet::training {

// What a network with a guidance input is asked for in the sheets.
inline constexpr double kSheetGuidance = 1.5;

// A row a class, `columns` samples of the training size each; styles and noise are functions of `seed`.
void writeClassSheet(const std::filesystem::path& path, const TextureUnet& network, const ExampleSource& source,
                     const Sampler& sampler, int steps, int columns, std::uint64_t seed);

// Samples of twice the training size, each shown repeated 2x2: seams and drifting colours show here.
void writeTiledSheet(const std::filesystem::path& path, const TextureUnet& network, const ExampleSource& source,
                     const Sampler& sampler, int steps, int count, std::uint64_t seed);

}  // namespace rivulet::training
