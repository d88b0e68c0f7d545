// What a surface is to look like: everything a request is made from.
#pragma once

#include <rivulet/rivulet.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace demo {

using Style = std::array<float, RVL_STYLE_SIZE>;

struct Material {
  std::string className = "concrete";
  std::string blendName;  // empty: no blend
  float blend = 0;        // 0: all of the first class, 1: all of the second
  std::uint64_t seed = 1;
  std::optional<Style> style;  // else drawn by the seed
};

/// How much work goes into each texture, whatever it shows.
struct Quality {
  std::uint32_t steps = 8;
  std::string sampler;  // empty: the model's own
  float guidance = 0;
};

}  // namespace demo
