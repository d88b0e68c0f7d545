#include "image/sheet.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace rivulet {
namespace {

using test::expectError;

Image grey(std::uint32_t width, std::uint32_t height, std::vector<std::uint8_t> pixels) {
  return {width, height, 1, std::move(pixels)};
}

TEST(Sheet, PlacesImagesRowByRow) {
  const std::vector<Image> images{grey(1, 1, {1}), grey(2, 1, {2, 3}), grey(1, 2, {4, 5})};
  SheetOptions options;
  options.columns = 2;
  options.gap = 1;
  options.background = {9, 9, 9, 9};
  const Image sheet = contactSheet(images, options);
  EXPECT_EQ(sheet.width, 7u);
  EXPECT_EQ(sheet.height, 7u);
  const std::vector<std::uint8_t> expected{
      9, 9, 9, 9, 9, 9, 9,  //
      9, 1, 9, 9, 2, 3, 9,  //
      9, 9, 9, 9, 9, 9, 9,  //
      9, 9, 9, 9, 9, 9, 9,  //
      9, 4, 9, 9, 9, 9, 9,  //
      9, 5, 9, 9, 9, 9, 9,  //
      9, 9, 9, 9, 9, 9, 9,
  };
  EXPECT_EQ(sheet.pixels, expected);
}

TEST(Sheet, IsAsSquareAsItGets) {
  const std::vector<Image> images(5, grey(4, 4, std::vector<std::uint8_t>(16)));
  const Image sheet = contactSheet(images);
  EXPECT_EQ(sheet.width, 3 * 6 + 2u);
  EXPECT_EQ(sheet.height, 2 * 6 + 2u);
}

TEST(Sheet, RepeatsTiles) {
  const Image image{2, 1, 3, {1, 2, 3, 4, 5, 6}};
  const Image four = tiled(image, 2, 2);
  EXPECT_EQ(four.width, 4u);
  EXPECT_EQ(four.height, 2u);
  const std::vector<std::uint8_t> row{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6};
  std::vector<std::uint8_t> expected = row;
  expected.insert(expected.end(), row.begin(), row.end());
  EXPECT_EQ(four.pixels, expected);
}

TEST(Sheet, SaysWhatItCannotPlace) {
  expectError(ErrorCode::InvalidArgument, {"at least one image"}, [] { contactSheet({}); });
  const std::vector<Image> mixed{grey(1, 1, {1}), {1, 1, 3, {1, 2, 3}}};
  expectError(ErrorCode::InvalidArgument, {"1 and 3 channels"}, [&] { contactSheet(mixed); });
  expectError(ErrorCode::InvalidArgument, {"0x2"}, [] { tiled(grey(1, 1, {1}), 0, 2); });
  expectError(ErrorCode::InvalidArgument, {"too large"}, [] { tiled(grey(1, 1, {1}), 1u << 20, 1u << 20); });
}

}  // namespace
}  // namespace rivulet
