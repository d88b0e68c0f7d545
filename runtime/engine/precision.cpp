#include "engine/precision.h"

#include "core/error.h"

namespace rivulet::engine {

Precision defaultPrecision(const vk::DeviceCaps& caps) {
  return caps.storage16 && !caps.isSoftware() ? Precision::Fp16 : Precision::Fp32;
}

const char* toString(Precision precision) {
  switch (precision) {
    case Precision::Fp32:
      return "fp32";
    case Precision::Fp16:
      return "fp16";
    case Precision::Int8:
      return "int8";
    case Precision::Mixed:
      return "mixed";
  }
  return "";
}

Precision parsePrecision(std::string_view name) {
  for (const Precision precision : {Precision::Fp32, Precision::Fp16, Precision::Int8, Precision::Mixed}) {
    if (name == toString(precision)) return precision;
  }
  throw Error(ErrorCode::InvalidArgument, "unknown precision '" + std::string(name) + "': fp32, fp16, int8 or mixed");
}

Precision parsePrecision(std::string_view name, const vk::DeviceCaps& caps) {
  return name.empty() ? defaultPrecision(caps) : parsePrecision(name);
}

}  // namespace rivulet::engine
