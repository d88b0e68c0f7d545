#pragma once
// Errors inside Rivulet are exceptions of one type. The C interface turns them into codes in one place.

#include <stdexcept>
#include <string>
#include <string_view>

namespace rivulet {

enum class ErrorCode {
  InvalidArgument,    // the caller asked for something that cannot be: the message says what can
  Unsupported,        // valid, but this build or this model does not do it
  CorruptFile,        // a file's contents are not what its format promises
  Io,                 // a file could not be opened, read or written
  MissingFeature,     // the device lacks a feature that has no fallback
  OutOfHostMemory,    //
  OutOfDeviceMemory,  //
  DeviceLost,         // the device must be destroyed and created again
  Internal,           // a bug in Rivulet
};

/// The code's name as users meet it in messages and JSON, for example "corrupt file".
std::string_view toString(ErrorCode code);

/// Carries a code and a message that names the thing that is wrong and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace rivulet
