#pragma once
// One line of progress on standard error. On a terminal it is redrawn in place; elsewhere it becomes a line every few
// seconds, so that a log stays readable. Work that ends within a moment shows nothing.

#include <chrono>
#include <cstddef>
#include <string>

namespace rivulet::cli {

/// Thread-safety: one thread at a time.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();  // ends the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `what` names the work ("compiling pipelines"); a new name starts a new bar. Cheap enough to call for every step.
  void update(const std::string& what, std::size_t done, std::size_t total);
  /// Removes the bar, so that something else can be printed.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::size_t done, std::size_t total);

  bool terminal_ = false;
  bool drawn_ = false;
  std::string what_;
  Clock::time_point started_, last_;
};

}  // namespace rivulet::cli
