#pragma once
// What the convolutions of a network read while it makes textures.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/network.h"
#include "quantize/magnitude_histogram.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::quantize {

struct CalibrationOptions {
  std::uint32_t textures = 32;                      // of the classes in turn, each from a seed of its own
  std::vector<std::uint32_t> steps = {1, 2, 4, 8};  // in turn
  std::uint64_t seed = 1;
};

/// By the layer's name, over all pixels, channels and evaluations; norms and activations in front are applied.
using Magnitudes = std::map<std::string, MagnitudeHistogram>;

/// Makes textures at the network's own size in fp32, with its usual sampler, and looks on. The same options give the
/// same result on one device. `onTexture` is told how many are done. Errors: InvalidArgument (options), and those of
/// engine::Evaluator.
Magnitudes calibrate(const models::Network& network, vk::PipelineCache& pipelines, vk::CommandStream& stream,
                     const CalibrationOptions& options,
                     const std::function<void(std::size_t done, std::size_t total)>& onTexture = {});

}  // namespace rivulet::quantize
