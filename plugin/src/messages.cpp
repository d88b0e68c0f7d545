#include "messages.h"

#include <string>

#include "core/log.h"

namespace rivulet::plugin {
namespace {

thread_local const MessageTarget* current = nullptr;

RvlSeverity severityOf(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return RVL_SEVERITY_DEBUG;
    case LogLevel::Info:
      return RVL_SEVERITY_INFO;
    case LogLevel::Warning:
      return RVL_SEVERITY_WARNING;
    case LogLevel::Error:
      break;
  }
  return RVL_SEVERITY_ERROR;
}

}  // namespace

MessageScope::MessageScope(const MessageTarget& target) : outer_(current) {
  current = &target;
}

MessageScope::~MessageScope() {
  current = outer_;
}

void routeMessages() {
  setLogSink([](LogLevel level, std::string_view message) {
    if (!current || !current->callback) return;
    current->callback(current->user, severityOf(level), std::string(message).c_str());
  });
}

}  // namespace rivulet::plugin
