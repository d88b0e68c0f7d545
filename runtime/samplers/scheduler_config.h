#pragma once
// From the configuration files that come with weights to a SamplerConfig.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "samplers/sampler_config.h"

namespace rivulet {

/// diffusers scheduler classes that have a plan here.
std::vector<std::string_view> schedulerClassNames();

/// Reads the text of a diffusers scheduler_config.json; its _class_name selects the sampler, missing options take that
/// class's defaults. Python's Infinity and NaN are read as "not set". Options of other diffusers schedulers that linger
/// in a file are ignored, as diffusers does. Errors: CorruptFile for text that is not such a file, Unsupported for a
/// class, option or value that has no plan here; the message names the key, the value and what is supported.
/// Thread-safe.
SamplerConfig parseSchedulerConfig(std::string_view text);

/// The same from a class name and its parsed options. Thread-safe.
SamplerConfig schedulerConfig(std::string_view className, const nlohmann::json& options);

/// Applies arguments of diffusers' scheduler.step: eta, use_clipped_model_output. Others are refused by name.
void applyCallOptions(SamplerConfig& config, const nlohmann::json& call);

/// The process and prediction of Rivulet's own weight files (docs/texture_unet.md): `schedule` is an object with "kind"
/// (a name of parseProcessKind) and, by kind, "shift", "train_timesteps", "beta_start", "beta_end",
/// "zero_terminal_snr", and "clip", where x0 is clamped to [-clip, clip]. Their networks are told t in [0, 1]. The
/// sampler is flow_euler or ddim; withSampler chooses another. Thread-safe.
SamplerConfig modelConfig(const nlohmann::json& schedule, std::string_view prediction);

}  // namespace rivulet
