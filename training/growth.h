// Starting a network from a narrower trained one: it begins as the same function, and learns on from there instead of
// from nothing (function-preserving growth: Chen et al. 2016, "Net2Net"; here by silent channels, not by copies, so
// that any two widths go together).
//
// Channels that only the wide network has are appended to each group of channels. They are silent at first, the weights
// that make them being zero; the weights that read them are random, so that gradients tell them apart. Norms take their
// mean over more channels, of which the new ones are zero: their gains make up for it.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

#include "training/texture_unet.h"

namespace rivulet::training {

// Whether `narrow` can start `wide`: nothing is wider in it, and something is narrower.
bool grows(const TextureUnetConfig& narrow, const TextureUnetConfig& wide);

// What the wide network's parameter `name` of `shape` starts as, from the narrow one's. Random numbers are a function
// of `seed`, of which each parameter should have its own. Throws Error where the weight is larger than `shape` or has
// another number of dimensions.
at::Tensor grownParameter(const std::string& name, const at::Tensor& weight, const std::vector<int64_t>& shape,
                          std::uint64_t seed);

}  // namespace rivulet::training
