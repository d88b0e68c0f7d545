#include "app/frame_history.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace demo {
namespace {

double percentileOf(const std::vector<FrameSample>& samples, double share) {
  if (samples.empty()) return 0;
  std::vector<double> times;
  times.reserve(samples.size());
  for (const FrameSample& sample : samples) times.push_back(sample.wallMs);
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
  std::nth_element(times.begin(), times.begin() + at, times.end());
  return times[static_cast<std::size_t>(at)];
}

}  // namespace

void FrameHistory::add(const FrameSample& sample) {
  all_.push_back(sample);
  if (samples_.size() == kKept) samples_.erase(samples_.begin());
  samples_.push_back(sample);
}

double FrameHistory::percentile(double share) const {
  return percentileOf(samples_, share);
}

double FrameHistory::framesPerSecond() const {
  constexpr std::size_t kLatest = 30;
  const std::size_t count = std::min(kLatest, samples_.size());
  double sum = 0;
  for (std::size_t i = samples_.size() - count; i < samples_.size(); ++i) sum += samples_[i].wallMs;
  return sum > 0 ? 1000.0 * static_cast<double>(count) / sum : 0;
}

void FrameHistory::write(const std::string& file) const {
  std::ofstream stream(file);
  stream << "frame,wall_ms,generation_ms,scene_ms,interface_ms,dispatches,expected_ms,busy\n";
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const FrameSample& sample = all_[i];
    char line[160];
    std::snprintf(line, sizeof line, "%zu,%.3f,%.3f,%.3f,%.3f,%u,%.3f,%u\n", i, sample.wallMs, sample.device.generation,
                  sample.device.scene, sample.device.interface, sample.dispatches, sample.expectedMs, sample.busy);
    stream << line;
  }
  if (!stream) throw std::runtime_error("the frame times cannot be written to " + file);
}

std::string FrameHistory::summary() const {
  const auto part = [&](const char* name, bool busy) {
    std::vector<FrameSample> chosen;
    for (const FrameSample& sample : all_) {
      if ((sample.dispatches > 0) == busy) chosen.push_back(sample);
    }
    char text[160];
    std::snprintf(text, sizeof text, "%s: %zu frames, p50 %.1f ms, p99 %.1f ms", name, chosen.size(),
                  percentileOf(chosen, 0.5), percentileOf(chosen, 0.99));
    return std::string(text);
  };
  return part("generating", true) + "; not generating: " + part("", false).substr(2);
}

}  // namespace demo
