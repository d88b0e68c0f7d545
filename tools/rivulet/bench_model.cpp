#include "bench_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

#include "bench_timer.h"
#include "ceiling.h"
#include "engine/lane_graph.h"
#include "graph/executable.h"
#include "op_table.h"
#include "progress_bar.h"
#include "vk/gpu_timer.h"

namespace rivulet::cli {
namespace {

/// Times of one run of some dispatches, in milliseconds.
struct Sample {
  double device = 0.0;  // by GPU timestamps, or the host's clock where there are none
  double host = 0.0;    // submission to completion
};

/// Dispatches [first, size) of an executable.
class ModelTimer {
 public:
  ModelTimer(const std::shared_ptr<vk::Device>& device, vk::CommandStream& stream, const graph::Executable& executable,
             std::uint32_t first)
      : stream_(stream),
        executable_(executable),
        first_(first),
        whole_(device, 2),
        each_(device, 2 * executable.size()) {}

  std::span<const graph::Dispatch> dispatches() const {
    return std::span(executable_.graph().dispatches()).subspan(first_);
  }

  /// The mean of as many runs in one submission as take a few hundredths of a second.
  Sample sample() {
    const VkCommandBuffer commands = stream_.begin("bench model");
    whole_.begin(commands);
    whole_.mark(commands);
    for (std::uint32_t i = 0; i < count_; ++i) executable_.record(commands, first_, executable_.size() - first_);
    whole_.mark(commands);
    const auto start = std::chrono::steady_clock::now();
    stream_.wait(stream_.submit());
    Sample sample;
    sample.host = sample.device =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / count_;
    const std::vector<double> marks = whole_.read();
    if (marks.size() == 2) sample.device = marks[1] / 1000.0 / count_;
    return sample;
  }

  /// Kernels compile, caches fill, and the number of runs of one sample is decided.
  void warmUp() {
    constexpr double kSampleMilliseconds = 50.0;
    sample();
    count_ = static_cast<std::uint32_t>(std::clamp(std::ceil(kSampleMilliseconds / sample().host), 1.0, 1000.0));
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
    for (std::uint32_t i = first_; i < executable_.size(); ++i) executable_.record(commands, i, 1, &each_);
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
  std::uint32_t first_;
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
  // A texture's embeddings are made for several evaluations at once; one made by itself has its own.
  ModelTimer timer(device, stream, executable, network.networkFirst());
  ModelTimer embeddings(device, stream, network.embeddings(), 0), alone(device, stream, executable, 0);
  const std::span<const graph::Dispatch> all = timer.dispatches();
  std::vector<double> milliseconds, host, embeddingMilliseconds, aloneMilliseconds, ceilings, betweens;
  std::vector<std::vector<double>> dispatches(all.size());
  const bool matrix = std::any_of(all.begin(), all.end(), onMatrixUnits);
  for (ModelTimer* const one : {&timer, &embeddings, &alone}) one->warmUp();
  for (std::uint32_t i = 0; i < options.repeats; ++i) {
    // Interleaved, so that whatever else the machine does meets both alike.
    ceilings.push_back(matrix ? measureMatrixCeilingGflops(pipelines, stream)
                              : measureCeilingGflops(pipelines, stream));
    const Sample sample = timer.sample();
    milliseconds.push_back(sample.device);
    host.push_back(sample.host);
    embeddingMilliseconds.push_back(embeddings.sample().device);
    aloneMilliseconds.push_back(alone.sample().device);
    const ModelTimer::Split split = timer.split();
    for (std::size_t d = 0; d < split.dispatches.size(); ++d) dispatches[d].push_back(split.dispatches[d]);
    betweens.push_back(split.between / 1000.0);
    bar.update("measuring", i + 1, options.repeats);
  }
  bar.finish();

  const double ms = median(milliseconds), ceiling = median(ceilings);
  const double embeddingMs = median(embeddingMilliseconds), aloneMs = median(aloneMilliseconds);
  const double gflops = 2.0 * static_cast<double>(multiplyAdds(all)) / (ms * 1e6);
  const double ratio = ceiling > 0.0 ? gflops / ceiling : 0.0;
  // What whatever else the machine does disturbs least.
  const double leastMs = *std::ranges::min_element(milliseconds), mostCeiling = *std::ranges::max_element(ceilings);
  const double bestRatio = mostCeiling > 0.0 ? gflops * ms / leastMs / mostCeiling : 0.0;
  std::vector<double> times;
  double inDispatches = 0.0;
  for (const std::vector<double>& samples : dispatches) {
    if (samples.empty()) continue;
    times.push_back(median(samples));
    inDispatches += times.back() / 1000.0;
  }
  const bool timed = times.size() == all.size();
  const double between = median(betweens), splitMs = inDispatches + between;
  const auto share = [&](const OpRow& row) { return row.microseconds / 1000.0 / splitMs; };
  const auto rowGflops = [&](const OpRow& row) {
    return row.microseconds > 0.0 ? 2.0 * static_cast<double>(row.multiplyAdds) / (row.microseconds * 1e3) : 0.0;
  };
  const std::vector<OpRow> ops = timed ? opTable(all, times, false) : std::vector<OpRow>();
  const std::vector<OpRow> kinds = timed ? opTable(all, times, true) : std::vector<OpRow>();
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
                                  {"least_ms", leastMs},
                                  {"most_ceiling_gflops", mostCeiling},
                                  {"best_ratio", bestRatio},
                                  {"host_ms", median(host)},
                                  {"device", device->caps().name},
                                  {"dispatches", all.size()},
                                  {"multiply_adds", multiplyAdds(all)},
                                  {"embedding",
                                   {{"evaluations", engine::kEmbeddedSteps},
                                    {"ms", embeddingMs},
                                    {"dispatches", embeddings.dispatches().size()}}},
                                  {"alone_ms", aloneMs},
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
  std::printf("  %.3f ms per evaluation (%.3f ms with submission and wait), %zu dispatches\n", ms, median(host),
              all.size());
  std::printf("  %.3f ms for the embeddings of %u evaluations, once before the first of them, %zu dispatches\n",
              embeddingMs, engine::kEmbeddedSteps, embeddings.dispatches().size());
  std::printf("  %.3f ms for an evaluation by itself, with its own embedding\n", aloneMs);
  std::printf("  %.1f GFLOP/s of a ceiling of %.1f%s: %.0f %%", gflops, ceiling, matrix ? " (matrix units)" : "",
              100.0 * ratio);
  std::printf("; the best of %u took %.3f ms: %.0f %% of the highest ceiling\n", options.repeats, leastMs,
              100.0 * bestRatio);
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
