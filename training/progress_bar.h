// Progress on stderr: one rewritten line on a terminal, a plain line every 30 seconds elsewhere.
#pragma once

#include <cstdint>
#include <string>

namespace rivulet::training {

class ProgressBar {
 public:
  ProgressBar();
  // `fraction` of the run that is done; `remaining` seconds by the caller's reckoning.
  void update(int64_t step, double fraction, double loss, double imagesPerSecond, double remaining);
  // Prints a line of its own above the bar.
  void note(const std::string& text);
  void finish();

 private:
  bool terminal_ = false;
  bool open_ = false;  // the cursor stands at the end of a bar
  double last_ = -1e9;
};

// Seconds on a steady clock.
double steadySeconds();

}  // namespace rivulet::training
