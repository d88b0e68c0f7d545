#pragma once
// One point of a process: x_t = alpha x_0 + sigma eps.

#include <cmath>
#include <vector>

namespace rivulet {

struct NoiseLevel {
  double t = 0.0;         // 0 data .. 1 pure noise
  double alpha = 1.0;     // weight of the data
  double sigma = 0.0;     // weight of the noise
  double timestep = 0.0;  // what the network is told, in its own units

  /// Half the log signal-to-noise ratio, ln(alpha / sigma): -inf at alpha = 0, +inf at sigma = 0.
  /// Lu et al., "DPM-Solver", NeurIPS 2022, section 2.
  double lambda() const { return std::log(alpha) - std::log(sigma); }
};

/// Levels from noise to data: the first is where the state starts, the last where the result lies. n steps, n + 1
/// levels.
using NoiseGrid = std::vector<NoiseLevel>;

}  // namespace rivulet
