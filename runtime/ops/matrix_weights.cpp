#include "ops/matrix_weights.h"

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

// Measured on lavapipe 25.0.7; docs/performance.md.
MatrixTile pointwiseTile(std::uint32_t inputs, std::uint32_t outputs, std::uint32_t lanes) {
  constexpr std::uint32_t kMostWeights = 512;  // vectors a subgroup holds: 16 KB, half of the first level cache
  constexpr std::uint32_t kUnrolled = 256;
  MatrixTile tile;
  tile.lanes = lanes;
  tile.vectors = outputs / lanes % 4 == 0 && inputs * 4 <= kMostWeights ? 4 : 2;
  tile.depth = inputs;
  tile.rows = 4;
  while (tile.rows > 1 && tile.rows * tile.depth * tile.vectors > kUnrolled) tile.rows /= 2;
  return tile;
}

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

std::vector<float> packPointwiseWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t channels2,
                                       const MatrixTile& tile) {
  const std::size_t outputs = weight.shape[0], inputs = weight.shape[1];
  const std::uint32_t stride1 = padChannels(channels1);
  const std::size_t depth = stride1 + (channels2 != 0 ? padChannels(channels2) : 0);
  const std::size_t columnOutputs = std::size_t{tile.lanes} * tile.vectors;
  std::vector<float> packed(padChannels(weight.shape[0]) * depth, 0.0f);
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::size_t column = o / columnOutputs, within = o % columnOutputs;
    const std::size_t couple = 2 * std::size_t{tile.lanes};  // outputs of two vectors
    const std::size_t q = within / couple * 2 + within % 2, lane = within % couple / 2;
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::size_t row = i < channels1 ? i : stride1 + i - channels1;
      const std::size_t vector = (column * (depth / 2) + row / 2) * tile.vectors + q;
      packed[(vector * tile.lanes + lane) * 2 + row % 2] = weight.values[o * inputs + i];
    }
  }
  return packed;
}

}  // namespace rivulet::ops
