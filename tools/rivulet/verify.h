#pragma once
// What the two kinds of checks of `rivulet verify` share: recorded network outputs and recorded sampler trajectories.
// Formats: docs/overview.md, "Proving it".

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::cli {

struct VerifyRow {
  std::string name;         // "unet_ddpm_small/0", "samplers/ddim_eta0"
  std::string kind;         // "network" or "sampler"
  std::string shape;        // for people
  double maxError = 0.0;    // largest absolute difference
  double relativeL2 = 0.0;  // |difference| / |recorded|
  double tolerance = 0.0;   // networks: on relativeL2; samplers: on maxError / largest recorded |x|
  double measured = 0.0;    // what is compared with the tolerance
  bool ok = false;
  std::string error;  // why the case could not be run
};

struct VerifyContext {
  std::shared_ptr<vk::Device> device;
  vk::PipelineCache& pipelines;
  vk::CommandStream& stream;
  engine::Precision precision = engine::Precision::Fp32;
  std::optional<double> tolerance;
  std::function<void(const VerifyRow&)> report;  // called once per case
  std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress;
};

/// Both report one row per case, and a failed row for whatever cannot be read; they throw only if the device fails.
void verifyNetwork(const VerifyContext& context, const std::filesystem::path& folder, const std::string& name);
void verifySamplers(const VerifyContext& context, const std::filesystem::path& file, const std::string& name);

/// Differences of what was computed and what was recorded; NaN anywhere gives infinite errors.
void measure(std::span<const float> computed, std::span<const float> recorded, VerifyRow& row);

}  // namespace rivulet::cli
