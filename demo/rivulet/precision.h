// Precisions by the names that controls, scripts and reports have for them.
#pragma once

#include <rivulet/rivulet.h>

#include <array>
#include <string>

#include "gpu/device.h"

namespace demo {

constexpr std::array<RvlPrecision, 5> kPrecisions = {RVL_PRECISION_AUTO, RVL_PRECISION_FLOAT, RVL_PRECISION_HALF,
                                                     RVL_PRECISION_INT8, RVL_PRECISION_MIXED};

/// "auto", "float", "half", "int8", "mixed".
const char* nameOf(RvlPrecision precision);
bool isPrecision(const std::string& name);
/// The other way. Throws std::runtime_error listing the names there are.
RvlPrecision precisionOf(const std::string& name);

/// For models with layers in bytes only.
constexpr bool multipliesBytes(RvlPrecision precision) {
  return precision == RVL_PRECISION_INT8 || precision == RVL_PRECISION_MIXED;
}
/// Whether a context on the device would surely take it. Of a device that multiplies bytes on its matrix units alone
/// that is known to Rivulet only, which says so when the context is made.
bool offered(RvlPrecision precision, const Device& device, bool plainKernels);

}  // namespace demo
