// The style vector against values worked out by hand.
#include "training/style.h"

#include <cmath>

#include "scratch.h"
#include "training/augment.h"
#include "training/whitening.h"

namespace rivulet::training {
namespace {

const float kFlat = std::log(1e-6f);

ImageF stripes(int size, int period, float amplitude, bool vertical) {
  ImageF image{size, size, {}};
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const float value = ((vertical ? x : y) / period) % 2 == 0 ? amplitude : -amplitude;
      image.rgb.insert(image.rgb.end(), {value, value, value});
    }
  }
  return image;
}

TEST(Style, OfOneColour) {
  const Style style = measureStyle(constantImage(12, 8, 0.5f, -0.25f, 0.0f));
  const float expected[kStyleSize] = {0.5f, -0.25f, 0, 0, 0, 0, kFlat, kFlat, kFlat, 0};
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(style[i], expected[i], 1e-4f) << i;
}

TEST(Style, FineStripesAreInTheFinestBandAndHorizontal) {
  const Style style = measureStyle(stripes(16, 1, 0.5f, true));
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(style[c], 0, 1e-6f);
    EXPECT_NEAR(style[3 + c], 0.5f, 1e-6f);
  }
  EXPECT_NEAR(style[6], std::log(0.25f + 1e-6f), 1e-4f);
  EXPECT_NEAR(style[7], kFlat, 1e-3f);
  EXPECT_NEAR(style[8], kFlat, 1e-3f);
  EXPECT_NEAR(style[9], std::log((1.0f + 1e-6f) / 1e-6f), 1e-3f);  // every forward difference is +-1
}

TEST(Style, WiderStripesMoveToCoarserBands) {
  // Two pixels wide: gone after one halving, so all in band 1; four pixels wide: band 2.
  const Style two = measureStyle(stripes(16, 2, 0.5f, true)), four = measureStyle(stripes(16, 4, 0.5f, true));
  EXPECT_NEAR(two[6], kFlat, 1e-3f);
  EXPECT_NEAR(two[7], std::log(0.25f + 1e-6f), 1e-4f);
  EXPECT_NEAR(four[7], kFlat, 1e-3f);
  EXPECT_NEAR(four[8], std::log(0.25f + 1e-6f), 1e-4f);
}

TEST(Style, LuminanceWeighsTheChannels) {
  ImageF image = stripes(16, 1, 0.5f, true);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) image.rgb[i] = image.rgb[i + 2] = 0;  // green only
  const float amplitude = 0.7152f * 0.5f;
  EXPECT_NEAR(measureStyle(image)[6], std::log(amplitude * amplitude + 1e-6f), 1e-4f);
}

TEST(Style, AnOddLastColumnIsLeftOutOfTheBands) {
  ImageF image = constantImage(9, 8, 0, 0, 0);
  for (int y = 0; y < 8; ++y) {
    for (int c = 0; c < 3; ++c) image.rgb[static_cast<std::size_t>((y * 9 + 8) * 3 + c)] = 1;
  }
  const Style style = measureStyle(image);
  EXPECT_NEAR(style[0], 1.0f / 9, 1e-6f);
  EXPECT_NEAR(style[6], kFlat, 1e-3f);
  // One difference of 1 in each row of eight.
  EXPECT_NEAR(style[9], std::log((1.0f / 8 + 1e-6f) / 1e-6f), 1e-3f);
}

TEST(Style, TransposingTurnsTheGradientRatioOver) {
  const Style upright = measureStyle(stripes(16, 2, 0.3f, true)), lying = measureStyle(stripes(16, 2, 0.3f, false));
  const Style turned = transposedStyle(upright);
  for (std::size_t i = 0; i < kStyleSize; ++i) EXPECT_NEAR(turned[i], lying[i], 1e-5f) << i;
}

TEST(Style, RefusesAPictureWithoutThreeBands) {
  EXPECT_NE(errorOf([] { measureStyle(constantImage(7, 8, 0, 0, 0)); }).find("8x8"), std::string::npos);
}

TEST(Augment, PaletteTransferGivesTheOtherPicturesMoments) {
  ImageF image = stripes(16, 1, 0.2f, true);
  Style target{};
  for (std::size_t c = 0; c < 3; ++c) target[c] = 0.1f * static_cast<float>(c), target[3 + c] = 0.4f;
  transferPalette(image, measureStyle(image), target);
  const Style style = measureStyle(image);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(style[i], target[i], 1e-5f) << i;
}

TEST(Augment, TheStyleBelongsToTheOrientedPicture) {
  // A picture no bigger than the crop: the crop's own style must be the one handed out, whatever the flips and turns.
  const Scratch scratch;
  const DatasetOptions data = smallData(scratch, 32);
  const Dataset dataset(data);
  AugmentOptions options;
  options.crop = 32;
  options.styleNoise = 0;
  options.paletteAugment = 0.5;
  options.rotateClasses = {"rock"};
  const Augment augment(dataset, options);
  for (std::uint64_t n = 0; n < 40; ++n) {
    Random random{n};
    const Example example = augment.draw(random);
    ImageF image{32, 32, {}};
    const std::vector<float> planes = unwhiten(example.pixels, example.style);
    for (std::size_t i = 0; i < 32 * 32; ++i) {
      for (std::size_t c = 0; c < 3; ++c) image.rgb.push_back(planes[c * 32 * 32 + i]);
    }
    const Style style = measureStyle(image);
    for (std::size_t i = 0; i < kStyleSize; ++i) ASSERT_NEAR(style[i], example.style[i], 2e-4f) << n << " " << i;
  }
}

TEST(Augment, WhitensByTheStyle) {
  const Scratch scratch;
  const Dataset dataset(smallData(scratch, 32));
  AugmentOptions options;
  options.crop = 32;
  const Example example = Augment(dataset, options).centre(dataset.tiles()[0]);
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < 32 * 32; ++i) sum += double{example.pixels[c * 32 * 32 + i]};
    EXPECT_NEAR(sum / 1024, 0, 1e-4) << c;
  }
  // A flat picture is not blown up to unit deviation.
  Style flat{};
  EXPECT_FLOAT_EQ(whiteningDeviation(flat, 1), 0.03f);
  flat[4] = 0.5f;
  EXPECT_EQ(whiteningDeviation(flat, 1), 0.5f);
}

TEST(Whitening, TurnsChannelsIntoLuminanceAndChroma) {
  Style style{};
  for (std::size_t c = 0; c < 3; ++c) style[c] = 0.1f * static_cast<float>(c), style[3 + c] = 0.5f;
  // All channels one deviation up: luminance alone. Red up and blue down: the first chroma axis alone, three times as
  // large as in an orthonormal basis.
  const std::vector<float> grey = whiten({0.5f, 0.6f, 0.7f}, style), warm = whiten({0.5f, 0.1f, -0.3f}, style);
  const std::vector<float> greyExpected = {1, 0, 0}, warmExpected = {0, 3 * std::sqrt(2.0f), 0};
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(grey[c], greyExpected[c], 1e-5f) << c;
    EXPECT_NEAR(warm[c], warmExpected[c], 1e-5f) << c;
  }
}

TEST(Whitening, IsUndone) {
  Random random{3};
  Style style{};
  for (float& value : style) value = static_cast<float>(random.uniform());
  std::vector<float> picture(3 * 16);
  for (float& value : picture) value = static_cast<float>(random.normal());
  const std::vector<float> back = unwhiten(whiten(picture, style), style);
  for (std::size_t i = 0; i < picture.size(); ++i) EXPECT_NEAR(back[i], picture[i], 1e-5f) << i;
}

}  // namespace
}  // namespace rivulet::training
