#include "image/image_io.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace rivulet {
namespace {

using test::expectError;
using test::TemporaryFolder;

Image numbered(std::uint32_t width, std::uint32_t height, std::uint32_t channels) {
  Image image{width, height, channels, {}};
  image.pixels.resize(image.rowBytes() * height);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(37 * i + 5);
  return image;
}

TEST(ImageIo, PngKeepsEveryByte) {
  const TemporaryFolder folder;
  for (const std::uint32_t channels : {1u, 2u, 3u, 4u}) {
    const Image image = numbered(7, 5, channels);
    writePng(folder / "a.png", image);
    const Image read = readImage(folder / "a.png", channels);
    EXPECT_EQ(read.width, 7u);
    EXPECT_EQ(read.height, 5u);
    EXPECT_EQ(read.pixels, image.pixels);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "a.png.part"));
}

TEST(ImageIo, TheSameImageGivesTheSameBytes) {
  EXPECT_EQ(encodePng(numbered(33, 17, 3)), encodePng(numbered(33, 17, 3)));
}

TEST(ImageIo, ReadsJpeg) {
  const Image image = readImage(std::filesystem::path(RIVULET_TEST_DATA) / "image" / "ramp.jpg");
  ASSERT_EQ(image.width, 48u);
  ASSERT_EQ(image.height, 32u);
  ASSERT_EQ(image.channels, 3u);
  for (const auto& [x, y] : {std::pair{3, 4}, std::pair{40, 20}, std::pair{24, 30}}) {
    const auto* p = &image.pixels[static_cast<std::size_t>(y) * image.rowBytes() + static_cast<std::size_t>(x) * 3];
    EXPECT_NEAR(p[0], x * 5, 12);
    EXPECT_NEAR(p[1], y * 7, 12);
    EXPECT_NEAR(p[2], 128, 12);
  }
}

TEST(ImageIo, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  expectError(ErrorCode::Io, {"nowhere.png", "cannot open"}, [&] { readImage(folder / "nowhere.png"); });
  const auto text = folder.write("text.png", std::string_view("not a picture"));
  expectError(ErrorCode::CorruptFile, {"text.png", "cannot be read as a picture", "PNG and JPEG"},
              [&] { readImage(text); });
  const auto empty = folder.write("empty.png", std::string_view());
  expectError(ErrorCode::CorruptFile, {"empty.png", "empty file"}, [&] { readImage(empty); });
  const std::vector<std::byte> png = encodePng(numbered(64, 64, 3));
  for (const std::size_t size : {9u, 40u, 200u}) {
    const auto path = folder.write("half.png", std::span(png).first(size));
    expectError(ErrorCode::CorruptFile, {"half.png"}, [&] { readImage(path); });
  }
  expectError(ErrorCode::Io, {"nofolder", "cannot be written"},
              [&] { writePng(folder / "nofolder/a.png", numbered(2, 2, 3)); });
  expectError(ErrorCode::InvalidArgument, {"has no pixels"}, [&] { writePng(folder / "a.png", Image{}); });
  Image wrong = numbered(4, 4, 3);
  wrong.height = 5;
  expectError(ErrorCode::InvalidArgument, {"4x5x3", "48 bytes"}, [&] { encodePng(wrong); });
}

TEST(ImageIo, RefusesPicturesThatWouldFillTheMemory) {
  const TemporaryFolder folder;
  std::vector<std::byte> png = encodePng(numbered(2, 2, 3));
  // IHDR's width and height, big-endian: 16384 x 16385.
  png[18] = png[22] = std::byte{0x40};
  png[19] = std::byte{0};
  png[23] = std::byte{1};
  const auto path = folder.write("bomb.png", png);
  expectError(ErrorCode::Unsupported, {"bomb.png", "16384x16385", "2^28"}, [&] { readImage(path); });
}

TEST(Image, TensorsBecomeBytesAndBack) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> chw{-1.0f, 1.0f, 0.0f, 2.0f, -3.0f, kNan, 0.5f, -0.5f, 127.4f / 127.5f};
  const Image image = imageFromChw(chw, 3, 1, 3);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 255, 191, 255, 0, 64, 128, 0, 255}));
  // Every byte comes back from its own value.
  Image all{256, 1, 1, std::vector<std::uint8_t>(256)};
  for (std::size_t i = 0; i < 256; ++i) all.pixels[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(imageFromChw(chwFromImage(all), 1, 1, 256).pixels, all.pixels);
  expectError(ErrorCode::InvalidArgument, {"1 to 4 channels", "has 5"},
              [] { imageFromChw(std::vector<float>(5), 5, 1, 1); });
  expectError(ErrorCode::InvalidArgument, {"expected 12 values"}, [] { imageFromChw(std::vector<float>(5), 3, 2, 2); });
}

}  // namespace
}  // namespace rivulet
