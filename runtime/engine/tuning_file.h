#pragma once
// What was measured on a device, kept in a file beside the pipeline cache: one per device UUID, driver version and
// Rivulet version. Whatever is wrong with it costs no more than measuring again.

#include <filesystem>
#include <map>
#include <string>

#include "engine/batch_curve.h"
#include "engine/lane_graph.h"
#include "graph/tuning.h"
#include "vk/device_caps.h"

namespace rivulet::engine {

struct DeviceTuning {
  graph::Tuning kernels;
  std::map<std::string, BatchCurve> curves;  // by curveKey()
};

/// False with RIVULET_AUTOTUNE=0: nothing is measured, read or kept, and everything takes its usual choice.
bool autotuneEnabled();

/// The file that belongs to a pipeline cache's (vk::PipelineCache::file(), fileIn()); empty where that is.
std::filesystem::path tuningFile(std::filesystem::path pipelineCache);

/// Nothing if there is no file, or it cannot be read, which is logged. Thread-safety: any thread.
DeviceTuning readTuning(const std::filesystem::path& file);
/// Replaces the file, in which what others have put there since stays unless `tuning` knows better. A file that cannot
/// be written is logged. Thread-safety: any thread; of two at the same time one may be lost.
void writeTuning(const std::filesystem::path& file, const DeviceTuning& tuning);

/// What the time of an evaluation depends on besides the device and the number of lanes: the network, its size and
/// precision, and the kernels that the features in use allow. `oneLane`: the graph of `shape` with one lane.
std::string curveKey(const models::NetworkInfo& network, const LaneShape& shape, const LaneGraph& oneLane);

}  // namespace rivulet::engine
