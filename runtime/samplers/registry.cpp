#include "samplers/registry.h"

#include <array>
#include <string>

#include "core/error.h"
#include "samplers/consistency.h"
#include "samplers/ddim.h"
#include "samplers/ddim_inversion.h"
#include "samplers/ddpm.h"
#include "samplers/dpmpp.h"
#include "samplers/euler.h"
#include "samplers/flow_euler.h"
#include "samplers/flow_heun.h"
#include "samplers/heun.h"
#include "samplers/lcm.h"
#include "samplers/unipc.h"

namespace rivulet {
namespace {

struct Entry {
  std::string_view name;
  StepPlan (*make)(const SamplerConfig&, int);
  TimestepSpacing spacing;  // its usual one
  int order;                // 0: has none
};

constexpr std::array<Entry, 13> kEntries{{
    {"ddpm", ddpmPlan, TimestepSpacing::Leading, 0},  // its last timestep must be 0
    {"ddim", ddimPlan, TimestepSpacing::Trailing, 0},
    {"ddim_inversion", ddimInversionPlan, TimestepSpacing::Trailing, 0},
    {"dpmpp_2m", dpmppPlan, TimestepSpacing::Linspace, 2},
    {"dpmpp_3m", dpmppPlan, TimestepSpacing::Linspace, 3},
    {"unipc", unipcPlan, TimestepSpacing::Linspace, 2},
    {"unipc_3", unipcPlan, TimestepSpacing::Linspace, 3},
    {"euler", eulerPlan, TimestepSpacing::Linspace, 0},
    {"heun", heunPlan, TimestepSpacing::Linspace, 0},
    {"flow_euler", flowEulerPlan, TimestepSpacing::Trailing, 0},
    {"flow_heun", flowHeunPlan, TimestepSpacing::Trailing, 0},
    {"lcm", lcmPlan, TimestepSpacing::Trailing, 0},
    {"consistency", consistencyPlan, TimestepSpacing::Trailing, 0},
}};

const Entry& find(std::string_view name) {
  std::string known;
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw Error(ErrorCode::InvalidArgument, "sampler \"" + std::string(name) + "\" is not known; supported: " + known);
}

}  // namespace

std::vector<std::string_view> samplerNames() {
  std::vector<std::string_view> names;
  names.reserve(kEntries.size());
  for (const Entry& entry : kEntries) names.push_back(entry.name);
  return names;
}

SamplerConfig withSampler(SamplerConfig config, std::string_view name) {
  const Entry& entry = find(name);
  config.sampler = std::string(name);
  config.spacing = entry.spacing;
  config.stepsOffset = 0;
  config.fixedStride = false;
  if (entry.order > 0) config.order = entry.order;
  return config;
}

StepPlan makeStepPlan(const SamplerConfig& config, int steps) {
  return find(config.sampler).make(config, steps);
}

}  // namespace rivulet
