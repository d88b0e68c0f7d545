// Pictures of known states, in every format, against decoders written here.
#include "engine/image_output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "image/image.h"
#include "support/gpu_fixture.h"
#include "vk/image.h"

namespace rivulet::engine {
namespace {

using Texel = std::array<double, 3>;  // in bytes, 0 to 255

double linearOf(double byte) {
  const double c = byte / 255;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}
double byteOfLinear(double l) {
  return 255 * (l <= 0.0031308 ? 12.92 * l : 1.055 * std::pow(l, 1 / 2.4) - 0.055);
}

/// Four colours on a line between two of 5:6:5 bits (Khronos Data Format, 18.1).
std::array<Texel, 16> decodeBc1(const std::uint8_t* block) {
  const auto expand = [](unsigned c) {
    const unsigned r = c >> 11, g = c >> 5 & 63, b = c & 31;
    return Texel{double(r << 3 | r >> 2), double(g << 2 | g >> 4), double(b << 3 | b >> 2)};
  };
  const unsigned first = block[0] | block[1] << 8, second = block[2] | block[3] << 8;
  std::array<Texel, 4> palette = {expand(first), expand(second)};
  for (std::size_t c = 0; c < 3; ++c) {
    palette[2][c] = first > second ? (2 * palette[0][c] + palette[1][c]) / 3 : (palette[0][c] + palette[1][c]) / 2;
    palette[3][c] = first > second ? (palette[0][c] + 2 * palette[1][c]) / 3 : 0;
  }
  std::array<Texel, 16> texels;
  for (unsigned i = 0; i < 16; ++i) texels[i] = palette[block[4 + i / 4] >> 2 * (i % 4) & 3];
  return texels;
}

/// Mode 6 (Khronos Data Format, 20.1); alpha has to be opaque.
std::array<Texel, 16> decodeBc7(const std::uint8_t* block) {
  std::size_t at = 0;
  const auto bits = [&](unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i, ++at) value |= unsigned(block[at / 8] >> at % 8 & 1) << i;
    return value;
  };
  EXPECT_EQ(bits(7), 64u) << "not mode 6";
  std::array<std::array<unsigned, 2>, 4> ends{};
  for (auto& channel : ends)
    for (unsigned& end : channel) end = bits(7) << 1;
  for (unsigned e = 0; e < 2; ++e) {
    const unsigned low = bits(1);
    for (auto& channel : ends) channel[e] |= low;
  }
  EXPECT_EQ(ends[3][0], 255u);
  EXPECT_EQ(ends[3][1], 255u);
  constexpr unsigned kWeights[16] = {0, 4, 9, 13, 17, 21, 26, 30, 34, 38, 43, 47, 51, 55, 60, 64};
  std::array<Texel, 16> texels;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned w = kWeights[bits(i == 0 ? 3 : 4)];
    for (std::size_t c = 0; c < 3; ++c) texels[i][c] = (ends[c][0] * (64 - w) + ends[c][1] * w + 32) >> 6;
  }
  return texels;
}

struct Variant {
  std::string name;
  std::vector<std::string> disable;
};
void PrintTo(const Variant& variant, std::ostream* out) {
  *out << variant.name;
}

class ImageOutputTest : public test::GpuTest, public testing::WithParamInterface<Variant> {
 protected:
  ImageOutputTest() : GpuTest(GetParam().disable) {}

  /// Makes an image of lane 1 of two, whose state is `chw`, and returns a level's texels.
  std::vector<std::uint8_t> render(std::span<const float> chw, std::uint32_t width, std::uint32_t height,
                                   TexelFormat format, VkFormat vkFormat, std::uint32_t levels, std::uint32_t level,
                                   const ColourMap& map = {}) {
    graph::Graph graph(caps(), DataType::F32);
    const TensorDesc desc{2, height, width, 3, DataType::F32};
    const graph::Tensor state = graph.persistent(desc, "state");
    const auto weights = graph::WeightBuffer::create(graph, stream(), device(), "none");
    const graph::Executable executable(std::move(graph), pipelines(), weights, {});
    std::vector<float> both(2 * chw.size(), 0.25f);
    std::copy(chw.begin(), chw.end(), both.begin() + static_cast<std::ptrdiff_t>(chw.size()));
    stream().upload(executable.arena(), executable.offset(state), graph::packNchw(both, desc));

    vk::ImageInfo info;
    info.width = width;
    info.height = height;
    info.mipLevels = levels;
    info.format = vkFormat;
    info.usage |= VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    const vk::Image image(device(), info, "target");
    const ImageOutput output(pipelines(), executable, state, "test");
    ImageTarget target;
    target.image = image.handle();
    target.format = format;
    target.mipLevels = levels;
    target.layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    const VkCommandBuffer commands = stream().begin("image output");
    for (std::uint32_t unit = 0; unit < output.unitCount(target); ++unit) {
      EXPECT_LT(output.costIndex(target, unit), output.costCount());
      // In up to three parts of different lengths.
      const std::uint32_t all = output.partCount(target, unit);
      for (std::uint32_t first = 0, count = 1; first < all; first += count, count = all / 2 + 1)
        output.record(commands, {unit, first, std::min(count, all - first)}, state, 1, map, target);
    }
    const std::uint32_t w = std::max(1u, width >> level), h = std::max(1u, height >> level);
    const std::uint64_t bytes = isBlockFormat(format) ? std::uint64_t{(w + 3) / 4} * ((h + 3) / 4) * texelBytes(format)
                                                      : std::uint64_t{w} * h * texelBytes(format);
    const vk::Buffer buffer(device(), vk::BufferUse::Readback, bytes, "read back");
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1};
    region.imageExtent = {w, h, 1};
    const auto copy = reinterpret_cast<PFN_vkCmdCopyImageToBuffer>(
        device()->instanceFn().GetDeviceProcAddr(device()->handle(), "vkCmdCopyImageToBuffer"));
    copy(commands, image.handle(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer.handle(), 1, &region);
    stream().wait(stream().submit());
    buffer.invalidate();
    std::vector<std::uint8_t> result(bytes);
    std::memcpy(result.data(), buffer.mapped().data(), bytes);
    return result;
  }

  /// Colours that change smoothly, with a little of everything.
  static std::vector<float> smooth(std::uint32_t width, std::uint32_t height) {
    std::vector<float> chw(3 * std::size_t{width} * height);
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const std::size_t at = std::size_t{y} * width + x, area = std::size_t{width} * height;
        chw[at] = static_cast<float>(std::sin(0.2 * x + 0.1 * y));
        chw[area + at] = static_cast<float>(std::cos(0.15 * y));
        chw[2 * area + at] = static_cast<float>(0.5 * std::sin(0.1 * x));
      }
    }
    return chw;
  }
  /// Every one of `levels` below the picture is the mean of the one above, in linear light.
  void expectMeans(const std::uint32_t width, const std::uint32_t height, const std::uint32_t levels) {
    const std::vector<float> chw = smooth(width, height);
    const std::size_t area = std::size_t{width} * height;
    std::vector<double> above(3 * area);
    for (std::size_t i = 0; i < above.size(); ++i)
      above[i] = linearOf(127.5 * (std::clamp(double{chw[(i % 3) * area + i / 3]}, -1.0, 1.0) + 1));
    std::uint32_t w = width, h = height;
    for (std::uint32_t level = 1; level < levels; ++level) {
      const std::uint32_t lw = std::max(1u, w / 2), lh = std::max(1u, h / 2);
      std::vector<double> below(3 * std::size_t{lw} * lh);
      for (std::uint32_t y = 0; y < lh; ++y) {
        for (std::uint32_t x = 0; x < lw; ++x) {
          for (std::size_t c = 0; c < 3; ++c) {  // every side here is even, or 3 that become 1
            double sum = 0;
            for (std::uint32_t j = y * h / lh; j < (y + 1) * h / lh; ++j)
              for (std::uint32_t i = x * w / lw; i < (x + 1) * w / lw; ++i)
                sum += above[(std::size_t{j} * w + i) * 3 + c];
            below[(std::size_t{y} * lw + x) * 3 + c] = sum / (double(w) / lw * h / lh);
          }
        }
      }
      const auto got = render(chw, width, height, TexelFormat::Rgba8, VK_FORMAT_R8G8B8A8_UNORM, levels, level);
      for (std::size_t i = 0; i < std::size_t{lw} * lh; ++i)
        for (std::size_t c = 0; c < 3; ++c)
          ASSERT_NEAR(got[4 * i + c], byteOfLinear(below[3 * i + c]), 0.6) << "level " << level << " texel " << i;
      above = below;
      w = lw;
      h = lh;
    }
  }
  /// Peak signal to noise ratio in decibels of decoded blocks.
  template <class Decode>
  static double psnr(const std::vector<std::uint8_t>& blocks, std::size_t blockBytes, const Image& original,
                     Decode&& decode) {
    double error = 0;
    for (std::uint32_t by = 0; by < original.height / 4; ++by) {
      for (std::uint32_t bx = 0; bx < original.width / 4; ++bx) {
        const auto texels = decode(&blocks[(std::size_t{by} * (original.width / 4) + bx) * blockBytes]);
        for (std::uint32_t i = 0; i < 16; ++i) {
          const std::uint8_t* want =
              &original.pixels[(std::size_t{by * 4 + i / 4} * original.width + bx * 4 + i % 4) * 3];
          for (std::size_t c = 0; c < 3; ++c) error += (texels[i][c] - want[c]) * (texels[i][c] - want[c]);
        }
      }
    }
    return 10 * std::log10(255.0 * 255.0 * static_cast<double>(original.pixels.size()) / std::max(error, 1e-9));
  }
};

INSTANTIATE_TEST_SUITE_P(Gpu, ImageOutputTest,
                         testing::Values(Variant{"Full", {}},
                                         Variant{"NoBufferDeviceAddress", {"bufferDeviceAddress"}}),
                         [](const auto& variant) { return variant.param.name; });

TEST_P(ImageOutputTest, BytesAreThoseOfAPng) {
  std::vector<float> chw = smooth(24, 16);
  chw[0] = 7.0f;                                                   // clamped
  chw[1] = -9.0f;                                                  // clamped
  for (std::size_t c = 0; c < 3; ++c) chw[c * 24 * 16 + 2] = NAN;  // black
  const Image want = imageFromChw(chw, 3, 16, 24);
  const std::vector<std::uint8_t> got = render(chw, 24, 16, TexelFormat::Rgba8, VK_FORMAT_R8G8B8A8_UNORM, 1, 0);
  for (std::size_t i = 0; i < 24 * 16; ++i) {
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(got[4 * i + c], want.pixels[3 * i + c]) << "texel " << i;
    ASSERT_EQ(got[4 * i + 3], 255);
  }
}

TEST_P(ImageOutputTest, TheColourMapIsApplied) {
  ColourMap map;
  map.matrix = {0.5f, 0.1f, -0.2f, 0.3f, 0.4f, 0, -0.1f, 0.2f, 0.6f};
  map.offset = {0.1f, -0.2f, 0.05f};
  std::vector<float> chw = smooth(16, 16);
  const std::vector<std::uint8_t> got = render(chw, 16, 16, TexelFormat::Rgba8, VK_FORMAT_R8G8B8A8_SRGB, 1, 0, map);
  applyColourMap(map, chw);
  const Image want = imageFromChw(chw, 3, 16, 16);
  for (std::size_t i = 0; i < 256; ++i)
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(got[4 * i + c], want.pixels[3 * i + c]);
}

/// Of a picture all of whose levels are small ones, and of one that has both kinds; asked for all, or for some.
TEST_P(ImageOutputTest, MipLevelsAverageLight) {
  ASSERT_EQ(fullMipLevels(24, 16), 5u);  // 24x16, 12x8, 6x4, 3x2, 1x1
  for (std::uint32_t levels = 2; levels <= fullMipLevels(24, 16); ++levels) expectMeans(24, 16, levels);
  for (std::uint32_t levels = 2; levels <= fullMipLevels(96, 48); ++levels) expectMeans(96, 48, levels);
}

TEST_P(ImageOutputTest, HalfFloatsHoldLight) {
  const std::vector<float> chw = smooth(16, 8);
  const auto got = render(chw, 16, 8, TexelFormat::Rgba16F, VK_FORMAT_R16G16B16A16_SFLOAT, 1, 0);
  for (std::size_t i = 0; i < 16 * 8; ++i) {
    for (std::size_t c = 0; c < 4; ++c) {
      std::uint16_t half = 0;
      std::memcpy(&half, &got[8 * i + 2 * c], 2);
      const double want = c == 3 ? 1.0 : linearOf(127.5 * (double{chw[c * 128 + i]} + 1));
      ASSERT_NEAR(halfToFloat(half), want, 1e-3 + 1e-3 * want);
    }
  }
}

TEST_P(ImageOutputTest, BlockCompressionIsCloseToThePicture) {
  if (!caps().textureCompressionBC) GTEST_SKIP() << "this device has no BC formats";
  // Within a block, colours lie near a line, as they do in most pictures.
  std::vector<float> chw(3 * 64 * 32);
  for (std::size_t i = 0; i < 64 * 32; ++i) {
    const double x = static_cast<double>(i % 64), y = static_cast<double>(i / 64);
    const double light = 0.7 * std::sin(0.15 * x + 0.1 * y);
    const double tint[3] = {0.2 * std::sin(0.03 * x), 0.15 * std::cos(0.04 * y), -0.2};
    for (std::size_t c = 0; c < 3; ++c)
      chw[c * 64 * 32 + i] = static_cast<float>(light * (1 - 0.2 * double(c)) + tint[c]);
  }
  const Image original = imageFromChw(chw, 3, 32, 64);
  const auto bc1 = render(chw, 64, 32, TexelFormat::Bc1, VK_FORMAT_BC1_RGB_UNORM_BLOCK, 1, 0);
  const auto bc7 = render(chw, 64, 32, TexelFormat::Bc7, VK_FORMAT_BC7_UNORM_BLOCK, 1, 0);
  EXPECT_GT(psnr(bc1, 8, original, decodeBc1), 32.0);
  EXPECT_GT(psnr(bc7, 16, original, decodeBc7), 38.0);
}

TEST_P(ImageOutputTest, BlocksOfOneColourKeepIt) {
  if (!caps().textureCompressionBC) GTEST_SKIP() << "this device has no BC formats";
  for (const float grey : {-1.0f, 1.0f, 0.2f}) {
    const std::vector<float> chw(3 * 64, grey);
    const double byte = std::round(127.5 * (double{grey} + 1));
    const auto bc1 = render(chw, 8, 8, TexelFormat::Bc1, VK_FORMAT_BC1_RGB_SRGB_BLOCK, 4, 3);  // 1x1
    const auto bc7 = render(chw, 8, 8, TexelFormat::Bc7, VK_FORMAT_BC7_SRGB_BLOCK, 4, 1);      // 4x4
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(decodeBc1(bc1.data())[0][c], byte, c == 1 ? 2.1 : 4.1) << "5:6:5 bits";
      EXPECT_NEAR(decodeBc7(bc7.data())[5][c], byte, 1.0);
    }
  }
}

/// The smaller half of them are made in one go.
TEST_P(ImageOutputTest, EveryLevelIsCompressed) {
  if (!caps().textureCompressionBC) GTEST_SKIP() << "this device has no BC formats";
  const std::vector<float> chw(3 * 96 * 40, 0.2f);
  for (std::uint32_t level = 0; level < fullMipLevels(96, 40); ++level) {
    const auto bc7 = render(chw, 96, 40, TexelFormat::Bc7, VK_FORMAT_BC7_UNORM_BLOCK, fullMipLevels(96, 40), level);
    for (std::size_t at = 0; at < bc7.size(); at += 16)
      EXPECT_NEAR(decodeBc7(&bc7[at])[0][1], 153.0, 1.0) << "level " << level << " block " << at / 16;
  }
}

}  // namespace
}  // namespace rivulet::engine
