#include "bench_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench_timer.h"
#include "ceiling.h"
#include "graph/executable.h"
#include "op_table.h"
#include "progress_bar.h"
#include "vk/gpu_timer.h"

namespace rivulet::cli {
namespace {

/// Times of one evaluation, in milliseconds.
struct Sample {
  double device = 0.0;  // by GPU timestamps, or the host's clock where there are none
  double host = 0.0;    // submission to completion
};

class ModelTimer {
 public:
  ModelTimer(const std::shared_ptr<vk::Device>& device, vk::CommandStream& stream, const graph::Executable& executable)
      : stream_(stream), executable_(executable), whole_(device, 2), each_(device, 2 * executable.size()) {}

  /// The mean of as many evaluations in one submission as take a few hundredths of a second.
  Sample evaluation() {
    using Clock = std::chrono::steady_clock;
    const VkCommandBuffer commands = stream_.begin("bench model");
    whole_.begin(commands);
    whole_.mark(commands);
    for (std::uint32_t i = 0; i < count_; ++i) executable_.record(commands, 0, executable_.size());
    whole_.mark(commands);
    const Clock::time_point start = Clock::now();
    stream_.wait(stream_.submit());
    Sample sample;
    sample.host = sample.device = std::chrono::duration<double, std::milli>(Clock::now() - start).count() / count_;
    const std::vector<double> marks = whole_.read();
    if (marks.size() == 2) sample.device = marks[1] / 1000.0 / count_;
    return sample;
  }

  /// Kernels compile, caches fill, and the number of evaluations of one sample is decided.
  void warmUp() {
    constexpr double kSampleMilliseconds = 50.0;
    evaluation();
    count_ = static_cast<std::uint32_t>(std::clamp(std::ceil(kSampleMilliseconds / evaluation().host), 1.0, 1000.0));
  }

  /// Microseconds of each dispatch by itself, and of what lies between them: launches, barriers, waits. Empty without
  /// timestamps. One run gives both, so that a busy machine does not tear them apart.
  struct Split {
    std::vector<double> dispatches;
    double between = 0.0;
  };
  Split split() {
    const VkCommandBuffer commands = stream_.begin("bench model dispatches");
    each_.begin(commands);
    for (std::uint32_t i = 0; i < executable_.size(); ++i) executable_.record(commands, i, 1, &each_);
    stream_.wait(stream_.submit());
    const std::vector<double> marks = each_.read();  // one before, one after each dispatch
    Split result;
    for (std::size_t i = 0; i + 1 < marks.size(); i += 2) {
      result.dispatches.push_back(marks[i + 1] - marks[i]);
      if (i > 0) result.between += marks[i] - marks[i - 1];
    }
    return result;
  }

 private:
  vk::CommandStream& stream_;
  const graph::Executable& executable_;
  vk::GpuTimer whole_, each_;
  std::uint32_t count_ = 1;
};

}  // namespace

int runBenchModel(const Globals& globals, const BenchModelOptions& options) {
  BenchNetwork network(globals, options.network);
  const std::shared_ptr<vk::Device>& device = network.device();
  vk::PipelineCache& pipelines = network.pipelines();
  vk::CommandStream& stream = network.stream();
  const graph::Executable& executable = network.executable();
  ProgressBar bar;
  ModelTimer timer(device, stream, executable);
  std::vector<double> milliseconds, host, ceilings, betweens;
  std::vector<std::vector<double>> dispatches(executable.size());
  const std::vector<graph::Dispatch>& all = executable.graph().dispatches();
  const bool matrix = std::any_of(all.begin(), all.end(), onMatrixUnits);
  timer.warmUp();
  for (std::uint32_t i = 0; i < options.repeats; ++i) {
    // Interleaved, so that whatever else the machine does meets both alike.
    ceilings.push_back(matrix ? measureMatrixCeilingGflops(pipelines, stream)
                              : measureCeilingGflops(pipelines, stream));
    const Sample sample = timer.evaluation();
    milliseconds.push_back(sample.device);
    host.push_back(sample.host);
    const ModelTimer::Split split = timer.split();
    for (std::size_t d = 0; d < split.dispatches.size(); ++d) dispatches[d].push_back(split.dispatches[d]);
    betweens.push_back(split.between / 1000.0);
    bar.update("measuring", i + 1, options.repeats);
  }
  bar.finish();

  const double ms = median(milliseconds), ceiling = median(ceilings);
  const double gflops = 2.0 * static_cast<double>(executable.multiplyAdds()) / (ms * 1e6);
  const double ratio = ceiling > 0.0 ? gflops / ceiling : 0.0;
  std::vector<double> times;
  double inDispatches = 0.0;
  for (const std::vector<double>& samples : dispatches) {
    if (samples.empty()) continue;
    times.push_back(median(samples));
    inDispatches += times.back() / 1000.0;
  }
  const bool timed = times.size() == executable.size();
  const double between = median(betweens), splitMs = inDispatches + between;
  const auto share = [&](const OpRow& row) { return row.microseconds / 1000.0 / splitMs; };
  const auto rowGflops = [&](const OpRow& row) {
    return row.microseconds > 0.0 ? 2.0 * static_cast<double>(row.multiplyAdds) / (row.microseconds * 1e3) : 0.0;
  };
  const std::vector<OpRow> ops = timed ? opTable(executable.graph().dispatches(), times, false) : std::vector<OpRow>();
  const std::vector<OpRow> kinds = timed ? opTable(executable.graph().dispatches(), times, true) : std::vector<OpRow>();
  const std::string& name = network.name();
  if (options.json) {
    const auto toJson = [&](const std::vector<OpRow>& rows) {
      nlohmann::ordered_json list = nlohmann::ordered_json::array();
      for (const OpRow& row : rows) {
        list.push_back({{"op", row.op},
                        {"count", row.count},
                        {"ms", row.microseconds / 1000.0},
                        {"share", share(row)},
                        {"gflops", rowGflops(row)}});
      }
      return list;
    };
    nlohmann::ordered_json row = {{"name", name},
                                  {"gflops", gflops},
                                  {"ceiling_gflops", ceiling},
                                  {"ratio", ratio},
                                  {"ms", ms},
                                  {"host_ms", median(host)},
                                  {"device", device->caps().name},
                                  {"dispatches", executable.size()},
                                  {"multiply_adds", executable.multiplyAdds()},
                                  {"arena_bytes", executable.memory().arenaBytes},
                                  {"weight_bytes", executable.memory().weightBytes}};
    if (timed) {
      row["between_dispatches_ms"] = between;
      row["kinds"] = toJson(kinds);
      row["ops"] = toJson(ops);
    }
    printJson(nlohmann::ordered_json::array({row}));
    return kOk;
  }
  std::printf("%s on %s\n", name.c_str(), device->caps().name.c_str());
  std::printf("  %.3f ms per evaluation (%.3f ms with submission and wait), %u dispatches\n", ms, median(host),
              executable.size());
  std::printf("  %.1f GFLOP/s of a ceiling of %.1f%s: %.0f %%\n", gflops, ceiling, matrix ? " (matrix units)" : "",
              100.0 * ratio);
  std::printf("  %s for activations, %s for weights\n", bytesText(executable.memory().arenaBytes).c_str(),
              bytesText(executable.memory().weightBytes).c_str());
  if (!timed) {
    std::printf("  this device has no timestamps: no times per op\n");
    return kOk;
  }
  std::printf("  %.3f ms between dispatches (%.1f %%)\n\n", between, 100.0 * between / splitMs);
  std::printf("  %-44s %6s %10s %7s %9s\n", "op", "count", "ms", "share", "GFLOP/s");
  for (const OpRow& row : kinds) {
    std::printf("  %-44s %6zu %10.3f %6.1f%% %9.1f\n", row.op.c_str(), row.count, row.microseconds / 1000.0,
                100.0 * share(row), rowGflops(row));
  }
  std::printf("\n");
  for (const OpRow& row : ops) {
    std::printf("  %-44s %6zu %10.3f %6.1f%% %9.1f\n", row.op.c_str(), row.count, row.microseconds / 1000.0,
                100.0 * share(row), rowGflops(row));
  }
  return kOk;
}

}  // namespace rivulet::cli
