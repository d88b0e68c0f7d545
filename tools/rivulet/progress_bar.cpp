#include "progress_bar.h"

#include <cstdio>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace rivulet::cli {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kFirst{300};  // shorter work shows nothing
constexpr milliseconds kTerminalEvery{80};
constexpr milliseconds kLogEvery{3000};

bool isTerminal() {
#ifdef _WIN32
  return _isatty(_fileno(stderr)) != 0;
#else
  return isatty(fileno(stderr)) != 0;
#endif
}

}  // namespace

ProgressBar::ProgressBar() : terminal_(isTerminal()) {}

ProgressBar::~ProgressBar() {
  finish();
}

void ProgressBar::update(const std::string& what, std::size_t done, std::size_t total) {
  const Clock::time_point now = Clock::now();
  if (what != what_) {
    finish();
    what_ = what;
    started_ = last_ = now;
  }
  if (now - started_ < kFirst) return;
  const bool first = last_ == started_;
  if (first || now - last_ >= (terminal_ ? kTerminalEvery : kLogEvery) || (done == total && drawn_ && !terminal_)) {
    draw(done, total);
    last_ = now;
  }
}

void ProgressBar::draw(std::size_t done, std::size_t total) {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  if (terminal_) {
    constexpr std::size_t kWidth = 30;
    const std::size_t filled = total == 0 ? 0 : kWidth * done / total;
    const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
    std::fprintf(stderr, "\r%-24s [%s] %zu/%zu  %.1f s\033[K", what_.c_str(), bar.c_str(), done, total, seconds);
  } else {
    std::fprintf(stderr, "%s: %zu of %zu, %.1f s\n", what_.c_str(), done, total, seconds);
  }
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::finish() {
  if (drawn_ && terminal_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }
  drawn_ = false;
  what_.clear();
}

}  // namespace rivulet::cli
