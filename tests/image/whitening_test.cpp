#include "image/whitening.h"

#include <gtest/gtest.h>

#include <vector>

namespace rivulet {
namespace {

constexpr std::array<float, 10> kStyle = {0.1f, -0.2f, 0.3f, 0.5f, 0.25f, 0.01f, 0, 0, 0, 0};

std::vector<float> mapped(const Whitening& whitening, std::vector<float> pixel) {
  applyColourMap(colourMap(whitening, kStyle), pixel);
  return pixel;
}

void expectPixel(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(actual[c], expected[c], 1e-6f) << c;
}

TEST(Whitening, LeavesAPictureAlone) {
  EXPECT_EQ(mapped({}, {0.1f, 0.2f, 0.3f}), (std::vector<float>{0.1f, 0.2f, 0.3f}));
}

TEST(Whitening, GivesChannelsTheirMeanAndDeviation) {
  expectPixel(mapped({0.03f, 0}, {1, 2, 1}), {0.1f + 0.5f, -0.2f + 2 * 0.25f, 0.3f + 0.03f});
}

TEST(Whitening, LuminanceMovesAllChannelsByTheirDeviation) {
  expectPixel(mapped({0.03f, 3}, {1, 0, 0}), {0.1f + 0.5f, -0.2f + 0.25f, 0.3f + 0.03f});
}

TEST(Whitening, ChromaIsMadeSmallAgain) {
  // 3 * sqrt(2) on the first chroma axis: red one deviation up, blue one down, as in the trainer's test.
  expectPixel(mapped({0.03f, 3}, {0, 4.2426407f, 0}), {0.1f + 0.5f, -0.2f, 0.3f - 0.03f});
  // sqrt(6) * 3 on the second: red and blue up, green two down.
  expectPixel(mapped({0.03f, 3}, {0, 0, 7.3484692f}), {0.1f + 0.5f, -0.2f - 2 * 0.25f, 0.3f + 0.03f});
}

TEST(Whitening, TakesPlanes) {
  std::vector<float> planes = {1, 0, 2, 0, 1, 0};  // two pixels: (1, 2, 1), (0, 0, 0)
  applyColourMap(colourMap({0.03f, 0}, kStyle), planes);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(planes[2 * c + 1], kStyle[c], 1e-6f);
  EXPECT_NEAR(planes[2], 0.3f, 1e-6f);
}

}  // namespace
}  // namespace rivulet
