#include "image/style.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {
namespace {

constexpr std::uint32_t kShorterSide = 120;  // the training tiles' size
constexpr double kFloor = 1e-6;

/// Luminance, and its halves.
struct Plane {
  std::size_t width = 0, height = 0;
  std::vector<float> values;
  float at(std::size_t x, std::size_t y) const { return values[y * width + x]; }
};

Plane luminance(const FloatImage& image) {
  Plane plane{image.width, image.height, {}};
  plane.values.reserve(plane.width * plane.height);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    plane.values.push_back(0.2126f * image.rgb[i] + 0.7152f * image.rgb[i + 1] + 0.0722f * image.rgb[i + 2]);
  }
  return plane;
}

/// D: 2×2 box average; an odd last row or column is left out.
Plane halved(const Plane& g) {
  Plane d{g.width / 2, g.height / 2, {}};
  d.values.reserve(d.width * d.height);
  for (std::size_t y = 0; y < 2 * d.height; y += 2) {
    for (std::size_t x = 0; x < 2 * d.width; x += 2) {
      d.values.push_back(0.25f * (g.at(x, y) + g.at(x + 1, y) + g.at(x, y + 1) + g.at(x + 1, y + 1)));
    }
  }
  return d;
}

/// ln(mean((G - U)^2) + 1e-6), U repeating D's values 2×2.
double bandEnergy(const Plane& g, const Plane& d) {
  double sum = 0;
  for (std::size_t y = 0; y < 2 * d.height; ++y) {
    for (std::size_t x = 0; x < 2 * d.width; ++x) {
      const double difference = double{g.at(x, y)} - double{d.at(x / 2, y / 2)};
      sum += difference * difference;
    }
  }
  return std::log(sum / static_cast<double>(4 * d.width * d.height) + kFloor);
}

double gradientRatio(const Plane& g) {
  double horizontal = 0, vertical = 0;
  for (std::size_t y = 0; y < g.height; ++y) {
    for (std::size_t x = 0; x < g.width; ++x) {
      const double value = g.at(x, y);
      if (x + 1 < g.width) horizontal += (g.at(x + 1, y) - value) * (g.at(x + 1, y) - value);
      if (y + 1 < g.height) vertical += (g.at(x, y + 1) - value) * (g.at(x, y + 1) - value);
    }
  }
  horizontal /= static_cast<double>((g.width - 1) * g.height);
  vertical /= static_cast<double>((g.height - 1) * g.width);
  return std::log((horizontal + kFloor) / (vertical + kFloor));
}

/// One axis of the area average: how much of source pixels [first, first + weights.size()) goes into a result pixel.
struct Coverage {
  std::size_t first = 0;
  std::vector<double> weights;  // sum 1
};

std::vector<Coverage> coverages(std::uint32_t from, std::uint32_t to) {
  std::vector<Coverage> result(to);
  for (std::uint32_t i = 0; i < to; ++i) {
    // In units of 1 / to of a source pixel everything is an integer: result pixel i covers [i * from, (i + 1) * from).
    const std::uint64_t begin = std::uint64_t{i} * from, end = begin + from;
    result[i].first = static_cast<std::size_t>(begin / to);
    for (std::uint64_t pixel = begin / to; pixel * to < end; ++pixel) {
      const std::uint64_t covered = std::min(end, (pixel + 1) * to) - std::max(begin, pixel * to);
      result[i].weights.push_back(static_cast<double>(covered) / from);
    }
  }
  return result;
}

std::string sizeText(std::uint32_t width, std::uint32_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

FloatImage floatImage(const Image& image) {
  checkImage(image);
  FloatImage result{image.width, image.height, {}};
  result.rgb.reserve(std::size_t{3} * image.width * image.height);
  const bool grey = image.channels < 3;
  for (std::size_t i = 0; i < image.pixels.size(); i += image.channels) {
    for (std::size_t c = 0; c < 3; ++c) {
      result.rgb.push_back(static_cast<float>(image.pixels[i + (grey ? 0 : c)]) / 127.5f - 1.0f);
    }
  }
  return result;
}

FloatImage areaAverage(const FloatImage& image, std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0 || width > image.width || height > image.height) {
    throw Error(ErrorCode::InvalidArgument, "an area average only shrinks: " + sizeText(image.width, image.height) +
                                                " cannot become " + sizeText(width, height));
  }
  const std::vector<Coverage> columns = coverages(image.width, width), rows = coverages(image.height, height);
  const std::size_t sourceRow = std::size_t{3} * image.width, resultRow = std::size_t{3} * width;
  FloatImage result{width, height, {}};
  result.rgb.reserve(resultRow * height);
  std::vector<double> sums(sourceRow);
  for (const Coverage& row : rows) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t k = 0; k < row.weights.size(); ++k) {
      const float* source = &image.rgb[(row.first + k) * sourceRow];
      for (std::size_t i = 0; i < sourceRow; ++i) sums[i] += row.weights[k] * double{source[i]};
    }
    for (const Coverage& column : columns) {
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t k = 0; k < column.weights.size(); ++k)
          sum += column.weights[k] * sums[3 * (column.first + k) + c];
        result.rgb.push_back(static_cast<float>(sum));
      }
    }
  }
  return result;
}

Style measureStyle(const FloatImage& image) {
  if (image.width < 8 || image.height < 8) {
    throw Error(ErrorCode::InvalidArgument,
                "a style is measured on at least 8x8 pixels, this picture has " + sizeText(image.width, image.height));
  }
  Style style{};
  const double count = static_cast<double>(image.width) * image.height;
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t i = c; i < image.rgb.size(); i += 3) sum += double{image.rgb[i]};
    const double mean = sum / count;
    for (std::size_t i = c; i < image.rgb.size(); i += 3) {
      squares += (double{image.rgb[i]} - mean) * (double{image.rgb[i]} - mean);
    }
    style[c] = static_cast<float>(mean);
    style[3 + c] = static_cast<float>(std::sqrt(squares / count));
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

Style styleOf(const Image& image) {
  const FloatImage picture = floatImage(image);
  const std::uint32_t shorter = std::min(image.width, image.height);
  if (shorter <= kShorterSide) return measureStyle(picture);
  const auto scaled = [&](std::uint32_t side) {
    return static_cast<std::uint32_t>((std::uint64_t{side} * kShorterSide + shorter / 2) / shorter);
  };
  return measureStyle(areaAverage(picture, scaled(image.width), scaled(image.height)));
}

}  // namespace rivulet
