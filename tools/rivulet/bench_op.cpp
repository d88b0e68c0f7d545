#include "bench_op.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench_timer.h"
#include "ceiling.h"
#include "core/error.h"
#include "progress_bar.h"

namespace rivulet::cli {
namespace {

constexpr double kOpSampleSeconds = 0.004;  // as a loop of the ceiling

struct Op {
  std::uint32_t first = 0;  // dispatch
  std::uint32_t count = 1;  // how often an evaluation has it
  std::uint32_t runs = 1;   // in one sample
  std::vector<double> seconds, fractions;
};

std::vector<Op> opsOf(const graph::Executable& executable, const std::string& filter) {
  std::vector<Op> ops;
  for (std::uint32_t i = 0; i < executable.size(); ++i) {
    const std::string& name = executable.dispatch(i).op;
    if (name.find(filter) == std::string::npos) continue;
    const auto same =
        std::find_if(ops.begin(), ops.end(), [&](const Op& op) { return executable.dispatch(op.first).op == name; });
    if (same == ops.end()) {
      ops.push_back({i, 1, 1, {}, {}});
    } else {
      ++same->count;
    }
  }
  return ops;
}

}  // namespace

int runBenchOp(const Globals& globals, const BenchOpOptions& options) {
  BenchNetwork network(globals, options.network);
  const graph::Executable& executable = network.executable();
  std::vector<Op> ops = opsOf(executable, options.filter);
  if (ops.empty()) {
    throw Error(ErrorCode::InvalidArgument, "no op of " + network.name() + " has '" + options.filter +
                                                "' in its name; without --filter all are listed");
  }
  SubmissionTimer timer(network.device(), network.stream());
  const auto measure = [&](const Op& op) {
    return timer.seconds("bench op", [&](VkCommandBuffer commands) {
      for (std::uint32_t i = 0; i < op.runs; ++i) executable.record(commands, op.first, 1);
    }) / op.runs;
  };
  for (Op& op : ops) {
    measure(op);
    op.runs = static_cast<std::uint32_t>(std::clamp(std::ceil(kOpSampleSeconds / measure(op)), 1.0, 1000.0));
  }
  ProgressBar bar;
  std::vector<double> gflops, matrixGflops, gigabytes;
  for (std::uint32_t i = 0; i < options.repeats; ++i) {
    // Interleaved, so that whatever else the machine does meets both alike.
    const Ceilings ceilings = measureCeilings(network.pipelines(), network.stream());
    gflops.push_back(ceilings.gflops);
    matrixGflops.push_back(ceilings.matrixGflops);
    gigabytes.push_back(ceilings.gigabytes);
    for (Op& op : ops) {
      const graph::Dispatch& dispatch = executable.dispatch(op.first);
      op.seconds.push_back(measure(op));
      op.fractions.push_back(ceilings.fraction(op.seconds.back(), static_cast<double>(dispatch.multiplyAdds),
                                               static_cast<double>(dispatch.bytes), onMatrixUnits(dispatch)));
    }
    bar.update("measuring", i + 1, options.repeats);
  }
  bar.finish();
  const auto total = [](const Op& op) { return median(op.seconds) * op.count; };
  std::sort(ops.begin(), ops.end(), [&](const Op& a, const Op& b) { return total(a) > total(b); });

  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Op& op : ops) {
    const graph::Dispatch& dispatch = executable.dispatch(op.first);
    const double seconds = median(op.seconds);
    rows.push_back({{"op", dispatch.op},
                    {"count", op.count},
                    {"ms", seconds * 1e3},
                    {"gflops", 2.0 * static_cast<double>(dispatch.multiplyAdds) / seconds * 1e-9},
                    {"gigabytes", static_cast<double>(dispatch.bytes) / seconds * 1e-9},
                    {"roofline", median(op.fractions)}});
  }
  if (options.json) {
    printJson({{"name", network.name()},
               {"device", network.device()->caps().name},
               {"ceiling_gflops", median(gflops)},
               {"ceiling_matrix_gflops", median(matrixGflops)},
               {"ceiling_gigabytes", median(gigabytes)},
               {"ops", rows}});
    return kOk;
  }
  std::printf("%s on %s, each op by itself, medians of %u\n", network.name().c_str(),
              network.device()->caps().name.c_str(), options.repeats);
  std::printf("  ceilings: %.0f GFLOP/s, ", median(gflops));
  if (median(matrixGflops) > 0.0) std::printf("%.0f GFLOP/s of matrix units, ", median(matrixGflops));
  std::printf("%.1f GB/s\n", median(gigabytes));
  std::printf("  %-44s %5s %10s %10s %8s %9s\n", "op", "count", "ms", "GFLOP/s", "GB/s", "roofline");
  for (const auto& row : rows) {
    std::printf("  %-44s %5u %10.4f %10.1f %8.1f %8.1f%%\n", row["op"].get<std::string>().c_str(),
                row["count"].get<unsigned>(), row["ms"].get<double>(), row["gflops"].get<double>(),
                row["gigabytes"].get<double>(), 100.0 * row["roofline"].get<double>());
  }
  std::printf(
      "  roofline: of what the multiply-adds or the bytes take at the ceilings, whichever is longer; over 100 %% "
      "where\n"
      "  what an op repeats stays in a cache\n");
  return kOk;
}

}  // namespace rivulet::cli
