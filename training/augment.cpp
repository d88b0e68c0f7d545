#include "training/augment.h"

#include <algorithm>
#include <cmath>

#include "training/whitening.h"

namespace rivulet::training {
namespace {

// How a crop is read: the source position of (x, y) after optional flips, then an optional exchange of axes.
struct Orientation {
  bool flipX = false, flipY = false, transpose = false;
};

std::vector<float> cropOf(const ImageF& image, int left, int top, int size, Orientation orientation) {
  const std::size_t area = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  std::vector<float> pixels(3 * area);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int sx = orientation.transpose ? y : x;
      int sy = orientation.transpose ? x : y;
      if (orientation.flipX) sx = size - 1 - sx;
      if (orientation.flipY) sy = size - 1 - sy;
      const std::size_t source = (static_cast<std::size_t>(top + sy) * static_cast<std::size_t>(image.width) +
                                  static_cast<std::size_t>(left + sx)) *
                                 3;
      const std::size_t target =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x);
      for (std::size_t c = 0; c < 3; ++c) pixels[c * area + target] = image.rgb[source + c];
    }
  }
  return pixels;
}

}  // namespace

std::set<std::string> defaultRotateClasses() {
  return {"asphalt", "concrete", "fabric",  "grass", "gravel", "ground", "leather", "marble", "metal",
          "paint",   "plaster",  "plastic", "rock",  "rust",   "sand",   "snow",    "stone",  "terrazzo"};
}

void transferPalette(ImageF& image, const Style& from, const Style& to) {
  for (std::size_t c = 0; c < 3; ++c) {
    const float gain = std::min(to[3 + c] / std::max(from[3 + c], 1e-3f), 3.0f);
    for (std::size_t i = c; i < image.rgb.size(); i += 3) {
      image.rgb[i] = std::clamp((image.rgb[i] - from[c]) * gain + to[c], -1.0f, 1.0f);
    }
  }
}

Augment::Augment(const Dataset& dataset, AugmentOptions options) : dataset_(dataset), options_(std::move(options)) {
  for (const std::string& name : dataset.classes()) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    mayRotate_.push_back(options_.rotateClasses.count(lower) != 0);
  }
}

Example Augment::draw(Random& random) const {
  Example example;
  example.classIndex = random.below(static_cast<int>(dataset_.classes().size()));
  const auto& members = dataset_.tilesOfClass()[static_cast<std::size_t>(example.classIndex)];
  const Tile& tile = dataset_.tiles()[static_cast<std::size_t>(
      members[static_cast<std::size_t>(random.below(static_cast<int>(members.size())))])];

  ImageF image = toFloat(tile.image);
  example.style = tile.style;
  if (random.chance(options_.paletteAugment)) {
    const int other = random.below(static_cast<int>(dataset_.tiles().size()));
    transferPalette(image, tile.style, dataset_.tiles()[static_cast<std::size_t>(other)].style);
    example.style = measureStyle(image);
  }
  Orientation orientation;
  orientation.flipX = random.chance(0.5);
  if (mayRotate_[static_cast<std::size_t>(example.classIndex)]) {
    orientation.flipY = random.chance(0.5);
    orientation.transpose = random.chance(0.5);
  }
  if (orientation.transpose) example.style = transposedStyle(example.style);
  const int left = random.below(image.width - options_.crop + 1);
  const int top = random.below(image.height - options_.crop + 1);
  example.pixels = whiten(cropOf(image, left, top, options_.crop, orientation), example.style);
  for (std::size_t i = 0; i < kStyleSize; ++i) {
    example.style[i] += static_cast<float>(random.normal() * options_.styleNoise) * dataset_.styleStd()[i];
  }
  return example;
}

Example Augment::centre(const Tile& tile) const {
  const ImageF image = toFloat(tile.image);
  return {
      tile.classIndex, tile.style,
      whiten(cropOf(image, (image.width - options_.crop) / 2, (image.height - options_.crop) / 2, options_.crop, {}),
             tile.style)};
}

}  // namespace rivulet::training
