#include "training/style.h"

#include <cmath>
#include <cstddef>
#include <string>

#include "training/error.h"

namespace rivulet::training {
namespace {

struct Plane {
  int width = 0;
  int height = 0;
  std::vector<float> values;
  float at(int x, int y) const {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
};

Plane luminance(const ImageF& image) {
  Plane plane{image.width, image.height, {}};
  plane.values.resize(image.rgb.size() / 3);
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    const float* p = &image.rgb[3 * i];
    plane.values[i] = 0.2126f * p[0] + 0.7152f * p[1] + 0.0722f * p[2];
  }
  return plane;
}

// D_k: 2x2 box average; an odd last row or column is left out.
Plane halved(const Plane& g) {
  Plane d{g.width / 2, g.height / 2, {}};
  d.values.reserve(static_cast<std::size_t>(d.width) * static_cast<std::size_t>(d.height));
  for (int y = 0; y < d.height; ++y) {
    for (int x = 0; x < d.width; ++x) {
      d.values.push_back(
          0.25f * (g.at(2 * x, 2 * y) + g.at(2 * x + 1, 2 * y) + g.at(2 * x, 2 * y + 1) + g.at(2 * x + 1, 2 * y + 1)));
    }
  }
  return d;
}

// ln(mean((G_k - U_k)^2) + 1e-6) over U_k's extent.
double bandEnergy(const Plane& g, const Plane& d) {
  double sum = 0;
  for (int y = 0; y < 2 * d.height; ++y) {
    for (int x = 0; x < 2 * d.width; ++x) {
      const double difference = g.at(x, y) - d.at(x / 2, y / 2);
      sum += difference * difference;
    }
  }
  return std::log(sum / (4.0 * d.width * d.height) + 1e-6);
}

double gradientRatio(const Plane& g) {
  double horizontal = 0, vertical = 0;
  for (int y = 0; y < g.height; ++y) {
    for (int x = 0; x < g.width; ++x) {
      if (x + 1 < g.width) {
        const double dx = g.at(x + 1, y) - g.at(x, y);
        horizontal += dx * dx;
      }
      if (y + 1 < g.height) {
        const double dy = g.at(x, y + 1) - g.at(x, y);
        vertical += dy * dy;
      }
    }
  }
  horizontal /= static_cast<double>(g.width - 1) * g.height;
  vertical /= static_cast<double>(g.height - 1) * g.width;
  return std::log((horizontal + 1e-6) / (vertical + 1e-6));
}

}  // namespace

Style measureStyle(const ImageF& image) {
  if (image.width < 8 || image.height < 8) {
    throw Error("a style needs an image of at least 8x8 pixels, this one is " + std::to_string(image.width) + "x" +
                std::to_string(image.height));
  }
  Style style{};
  const double count = static_cast<double>(image.width) * image.height;
  double sum[3] = {}, squares[3] = {};
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    for (std::size_t c = 0; c < 3; ++c) {
      const double value = image.rgb[i + c];
      sum[c] += value;
      squares[c] += value * value;
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = sum[c] / count;
    style[c] = static_cast<float>(mean);
    style[3 + c] = static_cast<float>(std::sqrt(std::fmax(0.0, squares[c] / count - mean * mean)));
  }
  Plane g = luminance(image);
  style[9] = static_cast<float>(gradientRatio(g));
  for (std::size_t k = 0; k < 3; ++k) {
    Plane d = halved(g);
    style[6 + k] = static_cast<float>(bandEnergy(g, d));
    g = std::move(d);
  }
  return style;
}

Style transposedStyle(Style style) {
  style[9] = -style[9];
  return style;
}

}  // namespace rivulet::training
