#include "ops/matrix_weights.h"

#include <algorithm>
#include <array>

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kWindow = 6, kKernel = 3, kWindowValues = kWindow * kWindow;

// G of F(4, 3), Lavin and Gray 2016.
constexpr std::array<std::array<double, kKernel>, kWindow> kG = {{{1.0 / 4, 0, 0},
                                                                  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                                                  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                                                  {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                                                  {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                                                  {0, 0, 1}}};

/// G g G^T
std::array<double, kWindowValues> transformed(const float* g) {
  std::array<double, kWindow * kKernel> half{};
  for (std::uint32_t i = 0; i < kWindow; ++i) {
    for (std::uint32_t x = 0; x < kKernel; ++x) {
      for (std::uint32_t y = 0; y < kKernel; ++y) half[i * kKernel + x] += kG[i][y] * double{g[y * kKernel + x]};
    }
  }
  std::array<double, kWindowValues> u{};
  for (std::uint32_t i = 0; i < kWindow; ++i) {
    for (std::uint32_t j = 0; j < kWindow; ++j) {
      for (std::uint32_t x = 0; x < kKernel; ++x) u[i * kWindow + j] += half[i * kKernel + x] * kG[j][x];
    }
  }
  return u;
}

}  // namespace

std::vector<float> packWinogradWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                      std::uint32_t lanes) {
  constexpr std::size_t kTaps = kKernel * kKernel;
  const std::size_t outputs = weight.shape[0], inputs = weight.shape[1], columnOutputs = std::size_t{2} * lanes;
  const std::size_t first = winogradChannels(channels1, lanes), depth = first + winogradChannels(channels2, lanes);
  const std::size_t columns = winogradChannels(weight.shape[0], lanes) / columnOutputs;
  std::vector<float> packed(kWindowValues * columns * depth * columnOutputs, 0.0f);
  std::vector<std::size_t> placeOf(columnOutputs);  // of an output in a column, as [q][lane]
  for (std::uint32_t at = 0; at < columnOutputs; ++at) {
    placeOf[winogradOutput(at, lanes)] = std::size_t{at % 2} * lanes + at / 2;
  }
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::size_t row = i < channels1 ? i : first + i - channels1;
      const std::array<double, kWindowValues> values = transformed(&weight.values[(o * inputs + i) * kTaps]);
      for (std::size_t m = 0; m < kWindowValues; ++m) {
        const std::size_t at = ((m * columns + o / columnOutputs) * depth + row) * columnOutputs;
        packed[at + placeOf[o % columnOutputs]] = static_cast<float>(values[m]);
      }
    }
  }
  return packed;
}

std::size_t UnrolledWeightLayout::rows() const {
  return padChannels(channels1) + (channels2 != 0 ? padChannels(channels2) : 0);
}

std::size_t UnrolledWeightLayout::elements(const HostTensor& weight) const {
  const std::size_t taps = std::size_t{weight.shape[2]} * weight.shape[3];
  return padChannels(weight.shape[0]) * taps * rows() + padChannels(std::max(channels1, channels2));
}

std::vector<float> packUnrolledWeight(const HostTensor& weight, const UnrolledWeightLayout& layout) {
  const std::size_t outputs = weight.shape[0], inputs = weight.shape[1];
  const std::size_t taps = std::size_t{weight.shape[2]} * weight.shape[3], rows = layout.rows();
  const std::size_t columnOutputs = std::size_t{layout.vectors} * layout.lanes;
  std::vector<float> packed(layout.elements(weight), 0.0f);
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::size_t within = o % columnOutputs;
    const std::size_t place = within % layout.vectors * layout.lanes + within / layout.vectors;
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::size_t row = i < layout.channels1 ? i : padChannels(layout.channels1) + i - layout.channels1;
      for (std::size_t t = 0; t < taps; ++t) {
        packed[((o / columnOutputs * taps + t) * rows + row) * columnOutputs + place] =
            weight.values[(o * inputs + i) * taps + t];
      }
    }
  }
  return packed;
}

}  // namespace rivulet::ops
