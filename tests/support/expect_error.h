#pragma once
// Errors are part of the interface: a test reads the code and the message.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace rivulet::test {

/// Runs `action`, which must throw Error with `code` and a message that contains each of `parts`.
template <class Action, class... Parts>
requires(sizeof...(Parts) > 0) void expectError(ErrorCode code, Action&& action, const Parts&... parts) {
  try {
    action();
    ADD_FAILURE() << "no error, but '" << toString(code) << "' was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << toString(error.code()) << ": " << error.what();
    for (const std::string& part : {std::string(parts)...})
      EXPECT_THAT(std::string(error.what()), testing::HasSubstr(part));
  }
}

}  // namespace rivulet::test
