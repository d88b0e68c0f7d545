#include "samplers/noise_grid.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "schedules/exponential.h"
#include "schedules/flow.h"
#include "schedules/karras.h"

namespace rivulet {
namespace {

void checkSteps(int steps) {
  if (steps >= 1 && steps <= 100000) return;
  throw Error(ErrorCode::InvalidArgument, "a sampler of " + std::to_string(steps) + " steps: expected at least 1");
}

NoiseLevel withTimestep(const Process& process, NoiseLevel level, double k) {
  level.timestep = vpTimestep(process, k);
  return level;
}

NoiseLevel cleanLevel(const Process& process) {
  return withTimestep(process, {0.0, 1.0, 0.0, 0.0}, -1.0);
}

std::vector<double> spacedRatios(const SamplerConfig& config, double low, double high, int n) {
  low = config.sigmaMin.value_or(low);
  high = config.sigmaMax.value_or(high);
  if (!(low > 0.0 && high >= low && std::isfinite(high))) {
    throw Error(ErrorCode::InvalidArgument, "sigma_min " + std::to_string(low) + " and sigma_max " +
                                                std::to_string(high) + ": expected 0 < sigma_min <= sigma_max");
  }
  return config.sigmaSpacing == SigmaSpacing::Karras ? karrasSpacing(low, high, n) : exponentialSpacing(low, high, n);
}

/// T less the noisiest times whose lambda is below lambdaMinClipped.
int lastTimestep(const SamplerConfig& config, const DiscreteVp& table) {
  int last = table.size();
  if (!config.lambdaMinClipped) return last;
  while (last > 0 && table.at(last - 1).lambda() < *config.lambdaMinClipped) --last;
  if (last == 0) {
    throw Error(ErrorCode::InvalidArgument, "lambda_min_clipped " + std::to_string(*config.lambdaMinClipped) +
                                                " leaves out every timestep of the schedule");
  }
  return last;
}

}  // namespace

double vpTimestep(const Process& process, double k) {
  return process.timeIsNoiseLevel ? (k + 1.0) / process.trainTimesteps * process.timestepScale : k;
}

NoiseGrid flowGrid(const SamplerConfig& config, int steps) {
  checkSteps(steps);
  const Process& process = config.process;
  if (!(process.shift > 0.0) || !std::isfinite(process.shift)) {
    throw Error(ErrorCode::InvalidArgument, "flow shift is " + std::to_string(process.shift) + ", expected above 0");
  }
  const auto shifted = [&](double t) { return shiftFlowTime(t, process.shift); };
  const double cleanest = 1.0 / process.trainTimesteps;
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    const double done = static_cast<double>(i) / steps;
    switch (process.flowSpacing) {
      case FlowSpacing::Uniform:
        times.push_back(1.0 - done);
        break;
      case FlowSpacing::FlowMatch: {
        const double place = steps == 1 ? 0.0 : static_cast<double>(i) / (steps - 1);
        times.push_back(1.0 + place * (shifted(cleanest) - 1.0));
        break;
      }
      case FlowSpacing::Multistep:
        times.push_back((1.0 - cleanest) * (1.0 - done));
        break;
    }
  }
  if (config.sigmaSpacing != SigmaSpacing::Timesteps) {
    times = spacedRatios(config, std::min(times.back(), shifted(cleanest)), times.front(), steps);
  }
  NoiseGrid grid;
  for (const double time : times) {
    NoiseLevel level = flowLevel(shifted(time), process.timestepScale);
    if (process.flowSpacing == FlowSpacing::Multistep) level.timestep = std::trunc(level.timestep);
    grid.push_back(level);
  }
  grid.push_back(flowLevel(0.0, process.timestepScale));
  return grid;
}

NoiseGrid ancestralGrid(const SamplerConfig& config, int steps) {
  if (config.process.isFlow()) return flowGrid(config, steps);
  const DiscreteVp table = makeDiscreteVp(config.process, false);
  SpacingOptions options{config.spacing, table.size(), table.size(), config.stepsOffset, false, true};
  NoiseGrid grid;
  for (const double k : spaceTimesteps(steps, options)) {
    grid.push_back(withTimestep(config.process, table.at(static_cast<int>(k)), k));
  }
  grid.push_back(cleanLevel(config.process));
  return grid;
}

std::vector<NoiseLevel> ddimTargets(const SamplerConfig& config, const NoiseGrid& grid, int steps) {
  std::vector<NoiseLevel> to(grid.begin() + 1, grid.end());
  if (config.process.isFlow()) return to;
  const DiscreteVp table = makeDiscreteVp(config.process, false);
  if (!config.setAlphaToOne) to.back() = table.at(0);
  if (!config.fixedStride) return to;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const int k = static_cast<int>(std::lround(grid[i].t * table.size())) - 1 - table.size() / steps;
    to[i] = k >= 0 ? table.at(k) : table.at(config.setAlphaToOne ? -1 : 0);
  }
  return to;
}

NoiseGrid multistepGrid(const SamplerConfig& config, int steps) {
  if (config.process.isFlow()) return flowGrid(config, steps);
  const Process& process = config.process;
  const DiscreteVp table = makeDiscreteVp(process, true);
  NoiseGrid grid;
  if (config.sigmaSpacing == SigmaSpacing::Timesteps) {
    SpacingOptions options{config.spacing, table.size(), lastTimestep(config, table), config.stepsOffset, true, true};
    for (const double k : spaceTimesteps(steps, options)) {
      grid.push_back(withTimestep(process, table.at(static_cast<int>(k)), k));
    }
  } else {
    checkSteps(steps);
    for (const double r : spacedRatios(config, table.ratioAt(0.0), table.ratioAt(table.size() - 1.0), steps)) {
      const double k = table.timeOfRatio(r);
      grid.push_back(withTimestep(process, table.fromRatio(r, k),
                                  config.roundSigmaTimesteps ? std::nearbyint(k) : std::trunc(k + 1e-6)));
    }
  }
  grid.push_back(config.finalSigma == FinalSigma::Zero ? cleanLevel(process) : withTimestep(process, table.at(0), 0.0));
  return grid;
}

NoiseGrid ratioGrid(const SamplerConfig& config, int steps) {
  const Process& process = config.process;
  const DiscreteVp table = makeDiscreteVp(process, true);
  SpacingOptions options{config.spacing, table.size(), table.size(), config.stepsOffset, false, false};
  std::vector<double> times = spaceTimesteps(steps, options);
  std::vector<double> ratios;
  ratios.reserve(times.size());
  for (const double k : times) ratios.push_back(table.ratioAt(k));
  if (config.sigmaSpacing != SigmaSpacing::Timesteps) {
    ratios = spacedRatios(config, ratios.back(), ratios.front(), static_cast<int>(ratios.size()));
    for (std::size_t i = 0; i < ratios.size(); ++i) times[i] = table.timeOfRatio(ratios[i]);
  }
  NoiseGrid grid;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    grid.push_back(withTimestep(process, table.fromRatio(ratios[i], times[i]), times[i]));
  }
  grid.push_back(config.finalSigma == FinalSigma::Zero
                     ? cleanLevel(process)
                     : withTimestep(process, table.fromRatio(table.ratioAt(0.0), 0.0), 0.0));
  return grid;
}

ModelCall beginCall(const SamplerConfig& config, const NoiseLevel& from, const NoiseLevel& to) {
  if (config.prediction == Prediction::Flow && !config.process.isFlow()) {
    throw Error(ErrorCode::InvalidArgument,
                "prediction flow is the velocity of the linear path: it needs schedule flow, "
                "not " +
                    std::string(toString(config.process.kind)));
  }
  ModelCall call;
  call.timestep = from.timestep;
  call.t = from.t;
  call.nextT = to.t;
  call.alpha = from.alpha;
  call.sigma = from.sigma;
  const OutputMap data = dataFromOutput(config.prediction, from.alpha, from.sigma);
  call.p = data.x;
  call.q = data.m;
  call.clip = config.clip;
  call.clipLow = -config.clipRange;
  call.clipHigh = config.clipRange;
  if (config.clip && !(config.clipRange > 0.0)) {
    throw Error(ErrorCode::InvalidArgument,
                "clip_sample_range is " + std::to_string(config.clipRange) + ", expected above 0");
  }
  return call;
}

int usableOrder(const NoiseGrid& grid, std::size_t i) {
  const auto distinct = [&](std::size_t from) {
    const double h = grid[from + 1].lambda() - grid[from].lambda();
    return std::isfinite(h) && h != 0.0;
  };
  if (!distinct(i)) return 1;
  int order = 1;
  while (order < 3 && static_cast<std::size_t>(order) <= i && distinct(i - static_cast<std::size_t>(order))) ++order;
  return order;
}

void requireFlow(const SamplerConfig& config, const char* instead) {
  if (config.process.isFlow()) return;
  throw Error(ErrorCode::InvalidArgument, "sampler " + config.sampler +
                                              " walks the linear path and needs schedule flow, "
                                              "the model's is " +
                                              std::string(toString(config.process.kind)) + ": use " + instead);
}

void requireVp(const SamplerConfig& config, const char* instead) {
  if (!config.process.isFlow()) return;
  throw Error(
      ErrorCode::InvalidArgument,
      "sampler " + config.sampler + " needs a variance-preserving schedule, the model's is flow: use " + instead);
}

}  // namespace rivulet
