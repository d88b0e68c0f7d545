#pragma once
// What one texture is asked for with, and its translation into what a network reads. No Vulkan here.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/noise_walk.h"
#include "models/network.h"
#include "samplers/sampler_config.h"
#include "samplers/step_plan.h"

namespace rivulet::engine {

constexpr std::uint32_t kMaxSize = 16384;  // pixels a side; device memory usually ends earlier
constexpr float kMaxGuidance = 100.0f;
constexpr std::uint32_t kDefaultSteps = 16, kMaxSteps = 1000;

struct ClassWeight {
  std::uint32_t index = 0;  // into NetworkInfo::classes
  float weight = 1.0f;
};

/// One texture. Its pixels are a function of these members, the model and the device alone.
struct Request {
  std::vector<ClassWeight>
      classes;  // a class or a blend; empty: no class (needs a model with a null class, or without classes)
  std::uint64_t seed = 0;
  std::uint64_t seedB = 0;  // with seedBlend: the other end of a walk
  float seedBlend = 0;      // 0 to 1: how far from `seed` to `seedB`, in the noise begun from and in a drawn style
  std::uint32_t steps = 0;  // 0: kDefaultSteps
  std::string sampler;      // a name of samplers/registry.h; empty: the model's own
  std::uint32_t width = 0, height = 0;  // pixels; 0: the size the model was trained at
  models::Wrap wrap = models::Wrap::Repeat;
  float guidance = 1.0f;     // 1: off
  std::vector<float> style;  // as docs/texture_unet.md; empty: drawn by seed from the classes' styles
};

/// "brick", a decimal index, or a blend "brick:0.7,moss:0.3"; blends are scaled to sum to 1. "none" is the null class
/// where the model has one. Errors: InvalidArgument listing the classes there are. Thread-safe.
std::vector<ClassWeight> parseClasses(const models::NetworkInfo& info, std::string_view text);

/// "brick" or "brick 0.70 + moss 0.30": for file names and tables. Thread-safe.
std::string classText(const models::NetworkInfo& info, const std::vector<ClassWeight>& classes);

/// Checks everything that needs no device and fills in what was left to the model: size, style, class weights that sum
/// to 1. A drawn style is one of those in the weight file, chosen by Philox from (seed, class); of a blend, the
/// weighted mean of its classes' draws; between two seeds, of theirs. `steps` and `sampler` are left as they are.
/// Errors: InvalidArgument naming what there is. Thread-safe.
Request resolve(const models::NetworkInfo& info, Request request);

/// Where the request is between its seeds.
inline NoiseWalk walkOf(const Request& request) {
  return {request.seed, request.seedB, request.seedBlend};
}

/// The size alone, as resolve() does it.
void resolveSize(const models::NetworkInfo& info, Request& request);

/// The model's process with the request's sampler, or the model's own. Errors: InvalidArgument with the samplers there
/// are.
SamplerConfig samplerConfig(const models::NetworkInfo& info, const Request& request);

/// The request's plan; `steps` 0 gives kDefaultSteps. Errors: InvalidArgument (steps, sampler, a combination that
/// cannot be, learned variance from a network without it). Thread-safe.
StepPlan makePlan(const models::NetworkInfo& info, const Request& request);

/// True if the request needs two evaluations a step: guided, and the model has no guidance input of its own.
bool needsGuidance(const models::NetworkInfo& info, const Request& request);

/// Fills one row of the conditioning tensor (ConditioningLayout::channels floats) for the evaluation `call` of a
/// resolved request. With `unconditional` the class is the null class. Thread-safe.
void fillConditioning(const models::Network& network, const Request& request, const ModelCall& call, bool unconditional,
                      std::span<float> row);

}  // namespace rivulet::engine
