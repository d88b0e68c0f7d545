#pragma once
// Errors are part of the interface: tests read their code and their words.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "core/error.h"

namespace rivulet::testing {

/// Expects `action` to throw rivulet::Error with `code` and a message that contains every one of `words`.
template <typename Action>
void expectError(ErrorCode code, std::initializer_list<std::string> words, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(toString(error.code()), toString(code)) << error.what();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
          << "expected '" << word << "' in: " << error.what();
    }
    return;
  }
  ADD_FAILURE() << "expected an error, nothing was thrown";
}

}  // namespace rivulet::testing
