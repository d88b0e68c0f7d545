#include "core/error.h"

namespace rivulet {

std::string_view toString(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid argument";
    case ErrorCode::Unsupported:
      return "unsupported";
    case ErrorCode::CorruptFile:
      return "corrupt file";
    case ErrorCode::Io:
      return "input/output error";
    case ErrorCode::MissingFeature:
      return "missing feature";
    case ErrorCode::OutOfHostMemory:
      return "out of host memory";
    case ErrorCode::OutOfDeviceMemory:
      return "out of device memory";
    case ErrorCode::DeviceLost:
      return "device lost";
    case ErrorCode::Internal:
      return "internal error";
  }
  return "unknown error";
}

}  // namespace rivulet
