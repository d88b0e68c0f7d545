#pragma once
// Messages that are not errors: something was odd, and Rivulet went on. Whoever embeds Rivulet decides where they go.

#include <functional>
#include <string_view>

namespace rivulet {

enum class LogLevel { Debug, Info, Warning, Error };

/// Called with one message without a final newline, from any thread, one at a time. It must not log and not throw.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Replaces the sink; an empty one silences everything. Default: warnings and errors to standard error.
/// Thread-safety: any thread.
void setLogSink(LogSink sink);

/// Thread-safety: any thread.
void log(LogLevel level, std::string_view message) noexcept;

}  // namespace rivulet
