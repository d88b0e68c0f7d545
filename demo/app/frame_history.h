// How long the latest frames took, and where the time went.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/frame_ring.h"

namespace demo {

struct FrameSample {
  double wallMs = 0;  // from this frame's start to the next one's
  DeviceTimes device;
  double expectedMs = 0;  // of Rivulet's work recorded in the frame before
  std::uint32_t dispatches = 0;
  std::uint32_t busy = 0;  // surfaces waiting for a texture or getting one
};

class FrameHistory {
 public:
  static constexpr std::size_t kKept = 300;

  void add(const FrameSample& sample);
  /// The latest, oldest first.
  const std::vector<FrameSample>& samples() const { return samples_; }
  /// The wall time that a share of the kept frames stays below: 0.5 is the median.
  double percentile(double share) const;
  double framesPerSecond() const;
  /// Every frame of the run, to a CSV file.
  void write(const std::string& file) const;
  /// One line for the log.
  std::string summary() const;

 private:
  std::vector<FrameSample> samples_, all_;
};

}  // namespace demo
