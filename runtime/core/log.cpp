#include "core/log.h"

#include <cstdio>
#include <mutex>
#include <utility>

namespace rivulet {

namespace {

void toStandardError(LogLevel level, std::string_view message) {
  if (level < LogLevel::Warning) return;
  std::fprintf(stderr, "rivulet: %s: %.*s\n", level == LogLevel::Warning ? "warning" : "error",
               static_cast<int>(message.size()), message.data());
}

struct Sink {
  std::mutex mutex;
  LogSink function = toStandardError;
};

Sink& sink() {
  static Sink* const instance = new Sink;  // never destroyed: static objects may log while they are destroyed
  return *instance;
}

}  // namespace

void setLogSink(LogSink newSink) {
  const std::lock_guard lock(sink().mutex);
  sink().function = std::move(newSink);
}

void log(LogLevel level, std::string_view message) noexcept {
  try {
    const std::lock_guard lock(sink().mutex);
    if (sink().function) sink().function(level, message);
  } catch (...) {  // logging never makes things worse
  }
}

}  // namespace rivulet
