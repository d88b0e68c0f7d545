#include "failure.h"

#include <cstdio>
#include <new>

namespace rivulet::plugin {
namespace {

// No heap: the message may be that there is none left.
thread_local char message[1024] = "";

RvlResult keep(RvlResult code, const char* text) noexcept {
  std::snprintf(message, sizeof message, "%s", text);
  return code;
}

}  // namespace

void invalid(const std::string& message) {
  throw Failure(RVL_ERROR_INVALID_ARGUMENT, message);
}

RvlResult resultOf(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return RVL_ERROR_INVALID_ARGUMENT;
    case ErrorCode::Unsupported:
      return RVL_ERROR_UNSUPPORTED;
    case ErrorCode::CorruptFile:
      return RVL_ERROR_CORRUPT_FILE;
    case ErrorCode::Io:
      return RVL_ERROR_IO;
    case ErrorCode::MissingFeature:
      return RVL_ERROR_MISSING_FEATURE;
    case ErrorCode::OutOfHostMemory:
      return RVL_ERROR_OUT_OF_HOST_MEMORY;
    case ErrorCode::OutOfDeviceMemory:
      return RVL_ERROR_OUT_OF_DEVICE_MEMORY;
    case ErrorCode::DeviceLost:
      return RVL_ERROR_DEVICE_LOST;
    case ErrorCode::Internal:
      break;
  }
  return RVL_ERROR_INTERNAL;
}

const char* resultText(RvlResult result) noexcept {
  switch (result) {
    case RVL_SUCCESS:
      return "success";
    case RVL_NOT_READY:
      return "not ready";
    case RVL_ERROR_INVALID_ARGUMENT:
      return "invalid argument";
    case RVL_ERROR_INVALID_HANDLE:
      return "invalid handle";
    case RVL_ERROR_INVALID_STATE:
      return "invalid state";
    case RVL_ERROR_UNSUPPORTED:
      return "unsupported";
    case RVL_ERROR_CORRUPT_FILE:
      return "corrupt file";
    case RVL_ERROR_IO:
      return "input/output error";
    case RVL_ERROR_MISSING_FEATURE:
      return "missing feature";
    case RVL_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case RVL_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case RVL_ERROR_DEVICE_LOST:
      return "device lost";
    case RVL_ERROR_INTERNAL:
      return "internal error";
    case RVL_ERROR_BUSY:
      return "busy";
    case RVL_RESULT_MAX_ENUM:
      break;
  }
  return "unknown result";
}

RvlResult currentFailure() noexcept {
  try {
    throw;
  } catch (const Failure& failure) {
    return keep(failure.code(), failure.what());
  } catch (const Error& error) {
    return keep(resultOf(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return keep(RVL_ERROR_OUT_OF_HOST_MEMORY, "the host's memory is used up");
  } catch (const std::exception& error) {
    return keep(RVL_ERROR_INTERNAL, error.what());
  } catch (...) {
    return keep(RVL_ERROR_INTERNAL, "an exception of unknown type");
  }
}

const char* lastError() noexcept {
  return message;
}

}  // namespace rivulet::plugin
