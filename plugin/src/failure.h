#pragma once
// Errors at the C line: exceptions become codes and a message per thread, here and nowhere else.

#include <exception>
#include <string>
#include <utility>

#include "core/error.h"
#include "rivulet/rivulet.h"

namespace rivulet::plugin {

/// An error that only the interface knows: a handle or a state.
class Failure : public std::exception {
 public:
  Failure(RvlResult code, std::string message) : code_(code), message_(std::move(message)) {}
  RvlResult code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  RvlResult code_;
  std::string message_;
};

[[noreturn]] void invalid(const std::string& message);

RvlResult resultOf(ErrorCode code) noexcept;
const char* resultText(RvlResult result) noexcept;
/// The code of the exception being handled; keeps its message for lastError().
RvlResult currentFailure() noexcept;
const char* lastError() noexcept;

/// What `action` returns; or the code of what it throws.
template <class Action>
RvlResult guarded(Action&& action) noexcept {
  try {
    return action();
  } catch (...) {
    return currentFailure();
  }
}

}  // namespace rivulet::plugin
