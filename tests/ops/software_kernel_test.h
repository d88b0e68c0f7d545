#pragma once
// The fixture of kernels that only software devices run (ops/winograd.h, ops/unrolled.h).

#include "ops/op_harness.h"

namespace rivulet::test {

class SoftwareKernelTest : public GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().int64 || !caps().bufferDeviceAddress || !caps().isSoftware()) {
      GTEST_SKIP() << "this kernel is for software devices with 64-bit integers";
    }
  }

  std::vector<DataType> types() const {
    return caps().storage16 ? std::vector{DataType::F32, DataType::F16} : std::vector{DataType::F32};
  }

  /// Whether the planes of `squares` (Graph::pixelSquares) add up to the sums over the channels of each pixel of
  /// `image` squared; what pads their ends is nobody's.
  static void expectSquares(const Image& image, const TensorDesc& squares, const std::vector<std::byte>& planes) {
    ASSERT_EQ(squares.c, image.desc.pixels());
    ASSERT_EQ(planes.size(), std::size_t{squares.w} * squares.stride() * sizeof(float));
    std::vector<float> sums(image.desc.pixels(), 0.0f);
    for (std::uint32_t plane = 0; plane < squares.w; ++plane) {
      for (std::uint32_t pixel = 0; pixel < squares.c; ++pixel) {
        float value = 0;
        std::memcpy(&value, &planes[(std::size_t{plane} * squares.stride() + pixel) * sizeof(float)], sizeof(float));
        sums[pixel] += value;
      }
    }
    const std::uint32_t area = image.desc.h * image.desc.w;
    // In fp16 the image is rounded, what was summed is not.
    const double slack = image.desc.type == DataType::F32 ? 1e-5 : 2e-3;
    for (std::uint32_t pixel = 0; pixel < image.desc.pixels(); ++pixel) {
      double sum = 0;
      for (std::uint32_t c = 0; c < image.desc.c; ++c) {
        const double v = double{image.at(pixel / area, c, pixel % area / image.desc.w, pixel % image.desc.w)};
        sum += v * v;
      }
      ASSERT_NEAR(sums[pixel], sum, slack * (1 + sum)) << "squares of pixel " << pixel;
    }
  }
};

}  // namespace rivulet::test
