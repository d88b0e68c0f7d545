#pragma once
// Times the candidate kernels of a network's ops on the device, in the network and with its shapes, and keeps the
// choices, and how long evaluations took by how many lanes, in a file (engine/tuning_file.h). RIVULET_AUTOTUNE=0:
// nothing is timed or read, every op takes its usual kernel.
//
// Candidates of one op give the same bits, so tuning never changes a texture; but for one choice, which is made once
// for a device: whether its matrix units are as fast as they are advertised, or the kernels without them are far
// faster.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/tuning_file.h"
#include "graph/executable.h"
#include "vk/command_stream.h"
#include "vk/pipeline_cache.h"

namespace rivulet::engine {

/// Thread-safety: one thread at a time.
class Autotuner {
 public:
  /// Reads `file`; empty: choices are kept in memory only. `pipelines` and `stream` are BORROWED.
  Autotuner(vk::PipelineCache& pipelines, vk::CommandStream& stream, std::filesystem::path file);

  /// What is known so far; never null.
  const std::shared_ptr<const graph::Tuning>& tuning() const { return tuning_; }
  /// What is known of evaluations, by curveKey(); nothing at first.
  const BatchCurve& curve(const std::string& key) { return curves_[key]; }
  /// An evaluation took so long; as BatchCurve::measured(). Saved if it was news. Ignored with RIVULET_AUTOTUNE=0.
  void evaluated(const std::string& key, std::uint32_t lanes, double microseconds);

  using Build = std::function<graph::Graph(const std::shared_ptr<const graph::Tuning>&)>;
  /// Measures what the graph has choices for that are not known yet, and saves it. Takes some executables' time to
  /// compile and some evaluations; nothing where all is known, on devices without timestamps, and with
  /// RIVULET_AUTOTUNE=0. Where memory does not suffice, or the file cannot be written, that is logged and the usual
  /// kernels are taken. Returns whether anything was measured. Errors: DeviceLost, and those of `build`.
  bool tune(const Build& build, const std::string& name, const graph::ExecutableOptions& options = {});

 private:
  void save() const;
  void measure(const Build& build, const std::string& name, const graph::ExecutableOptions& options);
  /// Microseconds of each dispatch, the best of some runs, and what it chose. `weights` are made anew where they do not
  /// fit.
  std::vector<double> times(graph::Graph graph, const graph::ExecutableOptions& options,
                            std::shared_ptr<const graph::WeightBuffer>& weights, std::vector<graph::Choice>& choices);

  vk::PipelineCache& pipelines_;
  vk::CommandStream& stream_;
  std::filesystem::path file_;
  std::shared_ptr<const graph::Tuning> tuning_;
  std::map<std::string, BatchCurve> curves_;
};

}  // namespace rivulet::engine
