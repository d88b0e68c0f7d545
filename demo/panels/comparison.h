// What the panel of comparisons shows, and asks for.
#pragma once

#include <vector>

namespace demo {

class TextureStore;

struct Comparison {
  const TextureStore* textures = nullptr;  // null before the first
  bool wanted = false, running = false;
  std::vector<double> differences;  // mean of 255 levels, to the texture with most steps
};

}  // namespace demo
