// One training example: a class-balanced draw, palette transfer, crop, flips and rotations, and the style of it all.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "training/dataset.h"
#include "training/random.h"

namespace rivulet::training {

struct AugmentOptions {
  int crop = 64;
  double paletteAugment = 0.3;          // probability of taking another image's per-channel mean and deviation
  double styleNoise = 0.075;            // deviation, in units of the data set's style deviation
  std::set<std::string> rotateClasses;  // classes with no up and down: vertical flips and quarter turns too
};

// Materials that look the same upside down and on their side.
std::set<std::string> defaultRotateClasses();

struct Example {
  int classIndex = 0;
  Style style{};
  std::vector<float> pixels;  // [3, crop, crop], whitened by the style before its noise
};

class Augment {
 public:
  // Keeps a reference to `dataset`.
  Augment(const Dataset& dataset, AugmentOptions options);

  // A training example. Thread-safe for distinct `random`.
  Example draw(Random& random) const;
  // The plain middle crop of a tile with its own style: for held-out images.
  Example centre(const Tile& tile) const;

 private:
  const Dataset& dataset_;
  AugmentOptions options_;
  std::vector<bool> mayRotate_;
};

// x' = (x - mean) * min(std_to / std_from, 3) + mean_to per channel, clamped to [-1, 1]. The cap keeps the grain of
// a flat picture from being blown up.
void transferPalette(ImageF& image, const Style& from, const Style& to);

}  // namespace rivulet::training
