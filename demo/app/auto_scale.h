// How much of the window's size the scene is drawn at where a processor draws it: as much as holds a frame rate.
#pragma once

#include <vector>

namespace demo {

class AutoScale {
 public:
  /// Takes a frame's wall time and returns the scale to use from now on; it changes rarely, by small steps.
  float update(double wallMs);
  float scale() const { return scale_; }

 private:
  float scale_ = 0.5f;
  std::vector<double> window_;  // wall times since the last look
};

}  // namespace demo
