#include "training/evaluation/progress_line.h"

#include <unistd.h>

#include <cstdio>

#include "training/progress_bar.h"

namespace rivulet::training {

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(2) != 0) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::update(const std::string& what, int64_t done, int64_t total, const std::string& note) {
  if (quiet_) return;
  const double now = steadySeconds();
  if (what != what_) {
    clear();
    what_ = what;
    started_ = last_ = now;
  }
  if (now - last_ < (terminal_ ? 0.1 : 15.0)) return;
  last_ = now;
  const double left = done > 0 ? (now - started_) * static_cast<double>(total - done) / static_cast<double>(done) : 0;
  std::fprintf(stderr, terminal_ ? "\r%s: %lld of %lld%s%s, %.0f s left\033[K" : "%s: %lld of %lld%s%s, %.0f s left\n",
               what.c_str(), static_cast<long long>(done), static_cast<long long>(total), note.empty() ? "" : ", ",
               note.c_str(), left);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (drawn_ && terminal_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }
  drawn_ = false;
}

}  // namespace rivulet::training
