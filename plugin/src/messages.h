#pragma once
// Where a context's messages go: to the host's callback, or nowhere. Never to the console.

#include <string_view>

#include "rivulet/rivulet.h"

namespace rivulet::plugin {

struct MessageTarget {
  RvlMessageCallback callback = nullptr;
  void* user = nullptr;
};

/// Makes the library's messages of this thread go to `target` while it lives. BORROWED.
class MessageScope {
 public:
  explicit MessageScope(const MessageTarget& target);
  ~MessageScope();
  MessageScope(const MessageScope&) = delete;
  MessageScope& operator=(const MessageScope&) = delete;

 private:
  const MessageTarget* outer_;
};

/// Once per process, before anything else: the library's log goes to the scopes.
void routeMessages();

}  // namespace rivulet::plugin
