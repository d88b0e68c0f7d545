#pragma once
// From the whitened state a network works on to the picture it stands for (docs/texture_unet.md, "Whitening").

#include <array>
#include <span>

namespace rivulet {

struct Whitening {
  float floor = 0;   // of a channel's deviation; 0: x is the picture itself
  float chroma = 0;  // what the chroma axes were multiplied by; 0: x has the axes R, G, B
};

/// picture = matrix x + offset for the three channels of a pixel; matrix by rows.
struct ColourMap {
  std::array<float, 9> matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  std::array<float, 3> offset{};
};

/// `style` holds the means and deviations of R, G, B first; unused without whitening. Pure.
ColourMap colourMap(const Whitening& whitening, std::span<const float> style);

/// Applies the map to planar pixels [3,H,W] in place.
void applyColourMap(const ColourMap& map, std::span<float> pixels);

/// The way back: inverse(map) of map of x is x, up to rounding. Errors: InvalidArgument when the matrix has no inverse.
ColourMap inverse(const ColourMap& map);

}  // namespace rivulet
