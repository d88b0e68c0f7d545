#include "rivulet/precision.h"

#include <algorithm>
#include <stdexcept>

namespace demo {

const char* nameOf(RvlPrecision precision) {
  switch (precision) {
    case RVL_PRECISION_AUTO:
      return "auto";
    case RVL_PRECISION_FLOAT:
      return "float";
    case RVL_PRECISION_HALF:
      return "half";
    case RVL_PRECISION_INT8:
      return "int8";
    case RVL_PRECISION_MIXED:
      return "mixed";
    case RVL_PRECISION_MAX_ENUM:
      break;
  }
  return "unknown";
}

bool isPrecision(const std::string& name) {
  return std::any_of(kPrecisions.begin(), kPrecisions.end(), [&](RvlPrecision p) { return name == nameOf(p); });
}

RvlPrecision precisionOf(const std::string& name) {
  std::string known;
  for (const RvlPrecision precision : kPrecisions) {
    if (name == nameOf(precision)) return precision;
    known += (known.empty() ? "" : ", ") + std::string(nameOf(precision));
  }
  throw std::runtime_error("there is no precision " + name + "; there are " + known);
}

bool offered(RvlPrecision precision, const Device& device, bool plainKernels) {
  if (precision == RVL_PRECISION_AUTO || precision == RVL_PRECISION_FLOAT) return true;
  if (plainKernels || !device.rivuletFeatures().storage_buffer_16bit_access) return false;
  return !multipliesBytes(precision) || device.rivuletByteFeatures().integer_dot_product;
}

}  // namespace demo
