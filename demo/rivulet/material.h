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
  float walk = 0;                      // how far on the way to the next seed, 0 to 1
  std::optional<Style> style;          // else drawn by the seed
  std::optional<std::size_t> palette;  // without one of its own: the surface whose style this one shares

  /// Another seed, from the beginning of its walk.
  void takeSeed(std::uint64_t value) {
    seed = value;
    walk = 0;
  }
};

/// How much work goes into each texture, whatever it shows.
struct Quality {
  std::uint32_t steps = 0;  // 0: as the model is made for
  std::string sampler;      // empty: the model's own
  float guidance = 0;
};

}  // namespace demo
