#include "core/half.h"

#include <string>

#include "core/error.h"

namespace rivulet {

namespace {

void requireSameLength(std::size_t from, std::size_t to) {
  if (from != to)
    throw Error(ErrorCode::InvalidArgument,
                "half conversion: " + std::to_string(from) + " values into room for " + std::to_string(to));
}

}  // namespace

void halfToFloat(std::span<const std::uint16_t> from, std::span<float> to) {
  requireSameLength(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = halfToFloat(from[i]);
}

void floatToHalf(std::span<const float> from, std::span<std::uint16_t> to) {
  requireSameLength(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = floatToHalf(from[i]);
}

}  // namespace rivulet
