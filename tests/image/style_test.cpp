#include "image/style.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "support/expect_error.h"

namespace rivulet {
namespace {

using test::expectError;

/// A grey picture from a function of x and y.
template <typename Function>
FloatImage grey(std::uint32_t width, std::uint32_t height, Function&& value) {
  FloatImage image{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) image.rgb.insert(image.rgb.end(), 3, value(x, y));
  }
  return image;
}

TEST(Style, OfOneColour) {
  FloatImage image{8, 8, {}};
  for (int i = 0; i < 64; ++i) image.rgb.insert(image.rgb.end(), {0.5f, -0.25f, 1.0f});
  const Style style = measureStyle(image);
  const double floor = std::log(1e-6);
  const double expected[kStyleSize] = {0.5, -0.25, 1, 0, 0, 0, floor, floor, floor, 0};
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(style[i], expected[i], 1e-6) << i;
}

TEST(Style, OfVerticalStripes) {
  // Columns +a, -a: the finest band holds everything, G_1 is flat. dx^2 = 4 a^2 everywhere, dy = 0.
  const float a = 0.5f;
  const Style style = measureStyle(grey(16, 8, [&](auto x, auto) { return x % 2 == 0 ? a : -a; }));
  const double expected[kStyleSize] = {
      0, 0, 0, 0.5, 0.5, 0.5, std::log(0.25 + 1e-6), std::log(1e-6), std::log(1e-6), std::log((1 + 1e-6) / 1e-6)};
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(style[i], expected[i], 1e-5) << i;
}

TEST(Style, OfBlocks) {
  // 2×2 blocks of ±a: nothing in the finest band, everything in the second. Rows and columns change at every other
  // step: 7 of 15 forward differences along a row are ±2a, and as many along a column.
  const float a = 0.25f;
  const Style style = measureStyle(grey(16, 16, [&](auto x, auto y) { return (x / 2 + y / 2) % 2 == 0 ? a : -a; }));
  const double expected[kStyleSize] = {
      0, 0, 0, 0.25, 0.25, 0.25, std::log(1e-6), std::log(0.0625 + 1e-6), std::log(1e-6), 0.0};
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(style[i], expected[i], 1e-5) << i;
}

TEST(Style, OfAnOddRamp) {
  // value = x / 100 on 9 × 11: the last column and row take no part in the bands, but do in means and gradients.
  const Style style = measureStyle(grey(9, 11, [](auto x, auto) { return static_cast<float>(x) / 100.0f; }));
  double variance = 0;
  for (int x = 0; x < 9; ++x) variance += (x - 4) * (x - 4) / 9.0;
  const double deviation = std::sqrt(variance) / 100;
  // Band k: pixels of G_k differ from their 2×2 mean by half a step of G_k, which is 2^k / 100.
  const auto band = [](int k) { return std::log(std::pow(std::exp2(k) / 200, 2) + 1e-6); };
  const double expected[kStyleSize] = {0.04,      0.04,    0.04,    deviation, deviation,
                                       deviation, band(0), band(1), band(2),   std::log((1e-4 + 1e-6) / 1e-6)};
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(style[i], expected[i], 2e-5) << i;
}

TEST(Style, WeighsChannelsAsLuminance) {
  // Only green varies, as vertical stripes of ±1: luminance varies by 0.7152.
  FloatImage image{8, 8, {}};
  for (int i = 0; i < 64; ++i) image.rgb.insert(image.rgb.end(), {0.0f, i % 2 == 0 ? 1.0f : -1.0f, 0.0f});
  EXPECT_NEAR(measureStyle(image)[6], std::log(0.7152 * 0.7152 + 1e-6), 1e-5);
}

TEST(Style, TurnsWithThePicture) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  FloatImage image{24, 24, {}}, turned = image;
  for (int i = 0; i < 24 * 24 * 3; ++i) image.rgb.push_back(uniform(random));
  turned.rgb.resize(image.rgb.size());
  for (std::size_t y = 0; y < 24; ++y) {
    for (std::size_t x = 0; x < 24; ++x) {
      for (std::size_t c = 0; c < 3; ++c) turned.rgb[3 * (x * 24 + y) + c] = image.rgb[3 * (y * 24 + x) + c];
    }
  }
  const Style a = measureStyle(image), b = measureStyle(turned);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
  EXPECT_NEAR(a[9], -b[9], 1e-5);
}

TEST(AreaAverage, TakesWholePixelsByCount) {
  const FloatImage image = grey(4, 2, [](auto x, auto y) { return static_cast<float>(x + 10 * y); });
  const FloatImage half = areaAverage(image, 2, 1);
  ASSERT_EQ(half.rgb.size(), 6u);
  EXPECT_FLOAT_EQ(half.rgb[0], (0 + 1 + 10 + 11) / 4.0f);
  EXPECT_FLOAT_EQ(half.rgb[3], (2 + 3 + 12 + 13) / 4.0f);
}

TEST(AreaAverage, SharesPixelsAtTheBorders) {
  // Three pixels become two: the middle one counts half in each.
  const FloatImage image = grey(3, 1, [](auto x, auto) { return static_cast<float>(x * x); });  // 0 1 4
  const FloatImage two = areaAverage(image, 2, 1);
  EXPECT_FLOAT_EQ(two.rgb[0], (0 + 0.5f) / 1.5f);
  EXPECT_FLOAT_EQ(two.rgb[3], (0.5f + 4) / 1.5f);
  EXPECT_EQ(areaAverage(image, 3, 1).rgb, image.rgb);
}

TEST(AreaAverage, KeepsTheMean) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const FloatImage image = grey(131, 77, [&](auto, auto) { return uniform(random); });
  const auto mean = [](const FloatImage& picture) {
    double sum = 0;
    for (const float value : picture.rgb) sum += double{value};
    return sum / static_cast<double>(picture.rgb.size());
  };
  EXPECT_NEAR(mean(areaAverage(image, 50, 31)), mean(image), 1e-6);
}

TEST(AreaAverage, OnlyShrinks) {
  const FloatImage image = grey(8, 8, [](auto, auto) { return 0.0f; });
  expectError(ErrorCode::InvalidArgument, {"8x8 cannot become 9x8"}, [&] { areaAverage(image, 9, 8); });
  expectError(ErrorCode::InvalidArgument, {"8x8 cannot become 8x0"}, [&] { areaAverage(image, 8, 0); });
}

TEST(StyleOf, ScalesTheShorterSideTo120) {
  // Stripes of four pixels at 480 × 240 are stripes of two at 240 × 120.
  Image image{480, 240, 3, {}};
  for (std::uint32_t i = 0; i < 480 * 240; ++i) {
    image.pixels.insert(image.pixels.end(), 3, i % 480 / 4 % 2 == 0 ? std::uint8_t{255} : std::uint8_t{0});
  }
  const Style expected = measureStyle(grey(240, 120, [](auto x, auto) { return x / 2 % 2 == 0 ? 1.0f : -1.0f; }));
  const Style found = styleOf(image);
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
}

TEST(StyleOf, LeavesSmallPicturesAsTheyAre) {
  Image image{64, 32, 3, {}};
  for (std::size_t i = 0; i < 64 * 32 * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7919 % 251));
  EXPECT_EQ(styleOf(image), measureStyle(floatImage(image)));
  expectError(ErrorCode::InvalidArgument, {"8x8", "7x9"}, [] { styleOf({7, 9, 3, std::vector<std::uint8_t>(189)}); });
}

TEST(StyleOf, TakesGreyAndAlpha) {
  const Image alpha{8, 8, 4, std::vector<std::uint8_t>(256, 255)}, single{8, 8, 1, std::vector<std::uint8_t>(64, 255)};
  EXPECT_EQ(styleOf(alpha), styleOf(single));
}

}  // namespace
}  // namespace rivulet
