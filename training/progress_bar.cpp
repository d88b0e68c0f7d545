#include "training/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace rivulet::training {

double steadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ProgressBar::ProgressBar() : terminal_(isatty(2) != 0) {}

void ProgressBar::update(int64_t step, double fraction, double loss, double imagesPerSecond, double remaining) {
  const double now = steadySeconds();
  if (now - last_ < (terminal_ ? 0.5 : 30.0)) return;
  last_ = now;
  const auto seconds = static_cast<long>(std::max(0.0, remaining));
  char numbers[160];
  std::snprintf(numbers, sizeof numbers, "%5.1f%%  step %lld  loss %.4f  %.0f images/s  %ld:%02ld:%02ld left",
                100 * fraction, static_cast<long long>(step), loss, imagesPerSecond, seconds / 3600, seconds / 60 % 60,
                seconds % 60);
  if (terminal_) {
    const int filled = std::clamp(static_cast<int>(fraction * 24), 0, 24);
    std::fprintf(stderr, "\r[%.*s%.*s] %s ", filled, "########################", 24 - filled,
                 "........................", numbers);
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", numbers);
  }
  std::fflush(stderr);
}

void ProgressBar::note(const std::string& text) {
  finish();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void ProgressBar::finish() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace rivulet::training
