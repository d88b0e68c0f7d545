// Compiled with fast-math (vectorised exp, reassociated sums): the sums' order is fixed by the build, so a build
// repeats its bits.
#include "training/norm_silu_pad_kernel.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define RVL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define RVL_INLINE __attribute__((always_inline)) inline
#else
#define RVL_CLONES
#define RVL_INLINE inline
#endif

namespace rivulet::training {
namespace {

RVL_INLINE void loadRow(const void* base, std::size_t pixel, int channels, bool bf16, float* row) {
  const std::size_t offset = pixel * static_cast<std::size_t>(channels);
  if (bf16) {
    const std::uint16_t* source = static_cast<const std::uint16_t*>(base) + offset;
    for (int c = 0; c < channels; ++c) {
      const std::uint32_t bits = static_cast<std::uint32_t>(source[c]) << 16;
      std::memcpy(&row[c], &bits, 4);
    }
  } else {
    const float* source = static_cast<const float*>(base) + offset;
    for (int c = 0; c < channels; ++c) row[c] = source[c];
  }
}

RVL_INLINE void storeRow(void* base, std::size_t pixel, int channels, bool bf16, const float* row) {
  const std::size_t offset = pixel * static_cast<std::size_t>(channels);
  if (bf16) {
    std::uint16_t* target = static_cast<std::uint16_t*>(base) + offset;
    for (int c = 0; c < channels; ++c) {
      std::uint32_t bits;
      std::memcpy(&bits, &row[c], 4);
      bits += 0x7fffu + ((bits >> 16) & 1u);  // round to nearest even
      target[c] = static_cast<std::uint16_t>(bits >> 16);
    }
  } else {
    float* target = static_cast<float*>(base) + offset;
    for (int c = 0; c < channels; ++c) target[c] = row[c];
  }
}

RVL_INLINE float inverseRms(const float* row, int channels, float epsilon) {
  float sum = 0;
  for (int c = 0; c < channels; ++c) sum += row[c] * row[c];
  return 1.0f / std::sqrt(sum / static_cast<float>(channels) + epsilon);
}

// Fills the border of a [H+2, W+2] image of `pixelBytes` a pixel: with the opposite edges of its inside, or zeros.
void fillBorder(void* padded, Border border, int height, int width, std::size_t pixelBytes) {
  char* base = static_cast<char*>(padded);
  const std::size_t rowBytes = static_cast<std::size_t>(width + 2) * pixelBytes;
  for (int y = 1; y <= height; ++y) {
    char* row = base + static_cast<std::size_t>(y) * rowBytes;
    char* last = row + static_cast<std::size_t>(width + 1) * pixelBytes;
    if (border == Border::Zero) {
      std::memset(row, 0, pixelBytes);
      std::memset(last, 0, pixelBytes);
    } else {
      std::memcpy(row, last - pixelBytes, pixelBytes);
      std::memcpy(last, row + pixelBytes, pixelBytes);
    }
  }
  char* last = base + static_cast<std::size_t>(height + 1) * rowBytes;
  if (border == Border::Zero) {
    std::memset(base, 0, rowBytes);
    std::memset(last, 0, rowBytes);
  } else {
    std::memcpy(base, last - rowBytes, rowBytes);
    std::memcpy(last, base + rowBytes, rowBytes);
  }
}

}  // namespace

RVL_CLONES void normSiluPadForward(const NormSiluPadImage& image, void* output) {
  const int channels = image.channels;
  float row[kNormSiluPadMaxChannels];
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      loadRow(image.input,
              static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x),
              channels, image.inputBf16, row);
      const float inverse = inverseRms(row, channels, image.epsilon);
      for (int c = 0; c < channels; ++c) {
        const float u = row[c] * inverse * image.gain[c] + image.shift[c];
        row[c] = u / (1.0f + std::exp(-u));
      }
      storeRow(
          output,
          static_cast<std::size_t>(y + 1) * static_cast<std::size_t>(image.width + 2) + static_cast<std::size_t>(x + 1),
          channels, image.outputBf16, row);
    }
  }
  fillBorder(output, image.border, image.height, image.width,
             static_cast<std::size_t>(channels) * (image.outputBf16 ? 2 : 4));
}

RVL_CLONES void normSiluPadBackward(const NormSiluPadImage& image, const void* gradOutput, void* gradInput,
                                    float* gradGain, float* gradShift) {
  const int channels = image.channels, width = image.width, height = image.height;
  const bool wraps = image.border == Border::Circular;
  float row[kNormSiluPadMaxChannels], grad[kNormSiluPadMaxChannels], other[kNormSiluPadMaxChannels];
  for (int c = 0; c < channels; ++c) gradGain[c] = gradShift[c] = 0;
  for (int y = 0; y < height; ++y) {
    // The padded rows (and, below, columns) that show this row: itself, and the border it was copied to.
    const int rows[3] = {y + 1, wraps && y == 0 ? height + 1 : -1, wraps && y == height - 1 ? 0 : -1};
    for (int x = 0; x < width; ++x) {
      const int columns[3] = {x + 1, wraps && x == 0 ? width + 1 : -1, wraps && x == width - 1 ? 0 : -1};
      const std::size_t pitch = static_cast<std::size_t>(width + 2);
      loadRow(gradOutput, static_cast<std::size_t>(rows[0]) * pitch + static_cast<std::size_t>(columns[0]), channels,
              image.outputBf16, grad);
      if (rows[1] >= 0 || rows[2] >= 0 || columns[1] >= 0 || columns[2] >= 0) {
        for (int i = 0; i < 3; ++i) {
          for (int j = 0; j < 3; ++j) {
            if ((i == 0 && j == 0) || rows[i] < 0 || columns[j] < 0) continue;
            loadRow(gradOutput, static_cast<std::size_t>(rows[i]) * pitch + static_cast<std::size_t>(columns[j]),
                    channels, image.outputBf16, other);
            for (int c = 0; c < channels; ++c) grad[c] += other[c];
          }
        }
      }
      const std::size_t pixel =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      loadRow(image.input, pixel, channels, image.inputBf16, row);
      const float inverse = inverseRms(row, channels, image.epsilon);
      float dot = 0;
      for (int c = 0; c < channels; ++c) {
        const float normed = row[c] * inverse;
        const float u = normed * image.gain[c] + image.shift[c];
        const float sigmoid = 1.0f / (1.0f + std::exp(-u));
        const float du = grad[c] * sigmoid * (1.0f + u * (1.0f - sigmoid));
        gradShift[c] += du;
        gradGain[c] += du * normed;
        const float dNormed = du * image.gain[c];
        dot += dNormed * normed;
        row[c] = normed;
        grad[c] = dNormed;
      }
      dot /= static_cast<float>(channels);
      for (int c = 0; c < channels; ++c) row[c] = inverse * (grad[c] - row[c] * dot);
      storeRow(gradInput, pixel, channels, image.inputBf16, row);
    }
  }
}

}  // namespace rivulet::training
