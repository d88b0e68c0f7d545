#include "schedules/process.h"

#include <array>
#include <string>
#include <utility>

#include "core/error.h"
#include "schedules/vp_cosine.h"
#include "schedules/vp_linear.h"
#include "schedules/vp_scaled_linear.h"
#include "schedules/zero_terminal_snr.h"

namespace rivulet {
namespace {

constexpr std::array<std::pair<ProcessKind, std::string_view>, 5> kNames{
    {{ProcessKind::VpLinear, "vp_linear"},
     {ProcessKind::VpScaledLinear, "vp_scaled_linear"},
     {ProcessKind::VpCosine, "vp_cosine"},
     {ProcessKind::VpBetas, "vp_betas"},
     {ProcessKind::Flow, "flow"}}};

void checkBetaRange(const Process& process) {
  if (process.betaStart > 0.0 && process.betaStart < 1.0 && process.betaEnd > 0.0 && process.betaEnd < 1.0) return;
  throw Error(ErrorCode::InvalidArgument, "beta_start " + std::to_string(process.betaStart) + " and beta_end " +
                                              std::to_string(process.betaEnd) + " must lie between 0 and 1");
}

}  // namespace

std::string_view toString(ProcessKind kind) {
  for (const auto& [value, name] : kNames) {
    if (value == kind) return name;
  }
  return "";
}

ProcessKind parseProcessKind(std::string_view name) {
  std::string known;
  for (const auto& [value, candidate] : kNames) {
    if (candidate == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(candidate);
  }
  throw Error(ErrorCode::InvalidArgument, "schedule \"" + std::string(name) + "\" is not known; supported: " + known);
}

DiscreteVp makeDiscreteVp(const Process& process, bool dividesByAlpha) {
  const int steps = process.trainTimesteps;
  if (steps < 1 || steps > 100000) {
    throw Error(ErrorCode::InvalidArgument,
                "num_train_timesteps is " + std::to_string(steps) + ", expected 1 to 100000");
  }
  std::vector<double> betas;
  switch (process.kind) {
    case ProcessKind::VpLinear:
      checkBetaRange(process);
      betas = vpLinearBetas(steps, process.betaStart, process.betaEnd);
      break;
    case ProcessKind::VpScaledLinear:
      checkBetaRange(process);
      betas = vpScaledLinearBetas(steps, process.betaStart, process.betaEnd);
      break;
    case ProcessKind::VpCosine:
      betas = vpCosineBetas(steps);
      break;
    case ProcessKind::VpBetas:
      betas = process.betas;
      if (static_cast<int>(betas.size()) != steps) {
        throw Error(ErrorCode::InvalidArgument, "trained_betas has " + std::to_string(betas.size()) +
                                                    " values, num_train_timesteps is " + std::to_string(steps));
      }
      break;
    case ProcessKind::Flow:
      throw Error(ErrorCode::InvalidArgument, "a flow process has no table of betas");
  }
  if (!process.zeroTerminalSnr) return DiscreteVp(betas);
  if (steps < 2) throw Error(ErrorCode::InvalidArgument, "rescale_betas_zero_snr needs at least two timesteps");
  DiscreteVp table(rescaleToZeroTerminalSnr(betas));
  table.setTerminalAlphaBar(dividesByAlpha ? 1.0 / 16777216.0 : 0.0);
  return table;
}

}  // namespace rivulet
