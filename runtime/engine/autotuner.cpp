#include "engine/autotuner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/log.h"
#include "vk/gpu_timer.h"

namespace rivulet::engine {
namespace {

constexpr double kWarmUpMicroseconds = 50000;  // until a device has risen to its clock
constexpr int kRuns = 7;                       // of which the best counts
constexpr double kGain = 0.97;                 // of the usual candidate's time, or it stays
constexpr double kFarFaster = 0.7;             // of the matrix units' time, or they stay: this choice changes bits

bool unknown(const graph::Choice& choice, const graph::Tuning& tuning) {
  return choice.candidates > 1 && !tuning.has(choice.key);
}

}  // namespace

Autotuner::Autotuner(vk::PipelineCache& pipelines, vk::CommandStream& stream, std::filesystem::path file)
    : pipelines_(pipelines), stream_(stream), file_(std::move(file)) {
  DeviceTuning known;
  if (autotuneEnabled() && !file_.empty()) known = readTuning(file_);
  tuning_ = std::make_shared<const graph::Tuning>(std::move(known.kernels));
  curves_ = std::move(known.curves);
}

void Autotuner::save() const {
  if (!file_.empty()) writeTuning(file_, {*tuning_, curves_});
}

void Autotuner::evaluated(const std::string& key, std::uint32_t lanes, double microseconds) {
  if (autotuneEnabled() && curves_[key].measured(lanes, microseconds)) save();
}

bool Autotuner::tune(const Build& build, const std::string& name, const graph::ExecutableOptions& options) {
  if (!autotuneEnabled() || !pipelines_.device()->caps().cooperativeMatrix) return false;
  const graph::Graph graph = build(tuning_);
  const auto& dispatches = graph.dispatches();
  const bool complete = std::none_of(dispatches.begin(), dispatches.end(), [&](const graph::Dispatch& dispatch) {
    return unknown(dispatch.choice, *tuning_);
  });
  if (complete || !vk::GpuTimer(pipelines_.device(), 2).available()) return false;
  try {
    measure(build, name, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::OutOfDeviceMemory && error.code() != ErrorCode::OutOfHostMemory) throw;
    log(LogLevel::Warning, "the kernels of '" + name + "' are not timed: " + error.what());
    return false;
  }
  save();
  return true;
}

void Autotuner::measure(const Build& build, const std::string& name, const graph::ExecutableOptions& options) {
  struct Candidates {
    std::uint32_t usual = 0;
    std::map<std::uint32_t, double> microseconds;
  };
  std::map<std::string, Candidates> found;
  std::uint32_t most = 0;
  const graph::Graph usual = build(tuning_);
  for (const graph::Dispatch& dispatch : usual.dispatches()) {
    if (!unknown(dispatch.choice, *tuning_)) continue;
    found[dispatch.choice.key].usual = dispatch.choice.taken;
    most = std::max(most, dispatch.choice.candidates);
  }
  // Whole networks, in each of which every op in question takes another candidate.
  std::shared_ptr<const graph::WeightBuffer> weights;
  graph::ExecutableOptions named = options;
  named.name = name + " (timing)";
  for (std::uint32_t candidate = 0; candidate < most; ++candidate) {
    auto one = std::make_shared<graph::Tuning>(*tuning_);
    one->takeAll(candidate);
    std::map<std::string, double> sums;
    std::map<std::string, std::uint32_t> taken;
    std::vector<graph::Choice> choices;
    const std::vector<double> microseconds = times(build(one), named, weights, choices);
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (!unknown(choices[i], *tuning_)) continue;
      sums[choices[i].key] += microseconds[i];
      taken[choices[i].key] = choices[i].taken;
    }
    for (const auto& [key, sum] : sums) {
      const auto [at, isNew] = found[key].microseconds.emplace(taken[key], sum);
      if (!isNew) at->second = std::min(at->second, sum);
    }
  }
  auto chosen = std::make_shared<graph::Tuning>(*tuning_);
  for (const auto& [key, candidates] : found) {
    const auto best = std::min_element(candidates.microseconds.begin(), candidates.microseconds.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto known = candidates.microseconds.find(candidates.usual);
    const bool gains = known == candidates.microseconds.end() || best->second < kGain * known->second;
    chosen->set(key, gains ? best->first : candidates.usual);
  }

  if (!chosen->matrixUnits) {
    const auto total = [&](bool matrixUnits) {
      auto all = std::make_shared<graph::Tuning>(*chosen);
      all->matrixUnits = matrixUnits;
      weights.reset();  // their layouts differ
      std::vector<graph::Choice> choices;
      const std::vector<double> microseconds = times(build(all), named, weights, choices);
      return std::accumulate(microseconds.begin(), microseconds.end(), 0.0);
    };
    double with = HUGE_VAL, without = HUGE_VAL;
    for (int turn = 0; turn < 2; ++turn) {
      with = std::min(with, total(true));
      without = std::min(without, total(false));
    }
    chosen->matrixUnits = without >= kFarFaster * with;
  }
  tuning_ = std::move(chosen);
}

std::vector<double> Autotuner::times(graph::Graph graph, const graph::ExecutableOptions& options,
                                     std::shared_ptr<const graph::WeightBuffer>& weights,
                                     std::vector<graph::Choice>& choices) {
  const std::shared_ptr<vk::Device>& device = pipelines_.device();
  for (const graph::Dispatch& dispatch : graph.dispatches()) choices.push_back(dispatch.choice);
  if (!weights || !weights->fits(graph)) {
    weights = graph::WeightBuffer::create(graph, stream_, device, options.name);
  }
  const graph::Executable executable(std::move(graph), pipelines_, weights, options);
  const VkCommandBuffer clear = stream_.begin("tuning: clear");  // a new arena may hold anything, NaN among it
  device->fn().CmdFillBuffer(clear, executable.arena().handle(), 0, VK_WHOLE_SIZE, 0);
  stream_.wait(stream_.submit());
  vk::GpuTimer timer(device, 2 * executable.size());
  std::vector<double> best(executable.size(), HUGE_VAL);
  double warm = 0;
  for (int run = 0; run < kRuns;) {
    const VkCommandBuffer commands = stream_.begin("tuning");
    timer.begin(commands);
    for (std::uint32_t i = 0; i < executable.size(); ++i) executable.record(commands, i, 1, &timer);
    stream_.wait(stream_.submit());
    const std::vector<double> marks = timer.read();
    if (marks.empty()) break;
    if (warm < kWarmUpMicroseconds) {  // some drivers compile now
      warm += marks.back();
      continue;
    }
    ++run;
    for (std::size_t i = 0; 2 * i + 1 < marks.size(); ++i) best[i] = std::min(best[i], marks[2 * i + 1] - marks[2 * i]);
  }
  return best;
}

}  // namespace rivulet::engine
