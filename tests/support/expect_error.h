#pragma once
// Errors are part of the interface: a test reads the code and the message.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "core/error.h"

namespace rivulet::test {

/// Runs `action`, which must throw rivulet::Error with `code` and a message that contains every one of `words`.
template <class Action>
void expectError(ErrorCode code, std::initializer_list<std::string> words, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "no error, but '" << toString(code) << "' was expected";
  } catch (const Error& error) {
    EXPECT_EQ(toString(error.code()), toString(code)) << error.what();
    for (const std::string& word : words)
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
          << "expected '" << word << "' in: " << error.what();
  }
}

/// The same, with the words last.
template <class Action, class... Words>
void expectError(ErrorCode code, Action&& action, const Words&... words) {
  static_assert(sizeof...(Words) > 0, "read the message");
  expectError(code, {std::string(words)...}, action);
}

/// The message of the Error that `action` throws; a failure if it throws none.
template <class Action>
std::string messageOf(Action&& action, ErrorCode code = ErrorCode::InvalidArgument) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

}  // namespace rivulet::test
