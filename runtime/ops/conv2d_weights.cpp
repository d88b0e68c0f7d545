#include "ops/conv2d_weights.h"

namespace rivulet::ops {
namespace {

std::uint32_t paddedRows(const Conv2dWeightLayout& layout) {
  return padChannels(layout.channels1) + (layout.channels2 != 0 ? padChannels(layout.channels2) : 0);
}

}  // namespace

std::uint64_t Conv2dWeightLayout::elements(std::uint32_t kernel) const {
  return std::uint64_t{tiles} * lanes * paddedRows(*this) * kernel * kernel;
}

std::vector<float> packConv2dWeight(const HostTensor& weight, const Conv2dWeightLayout& layout) {
  const std::uint32_t outputs = weight.shape[0], inputs = weight.shape[1], kernel = weight.shape[2];
  const std::uint32_t taps = kernel * kernel;
  const std::size_t steps = paddedRows(layout) / layout.values;
  std::vector<float> packed(layout.elements(kernel), 0.0f);
  for (std::uint32_t o = 0; o < outputs; ++o) {
    const std::size_t tile = o / layout.lanes, lane = o % layout.lanes;
    for (std::uint32_t i = 0; i < inputs; ++i) {
      const std::uint32_t row = i < layout.channels1 ? i : padChannels(layout.channels1) + i - layout.channels1;
      const std::size_t step = tile * steps + row / layout.values;
      for (std::uint32_t t = 0; t < taps; ++t) {
        packed[((step * taps + t) * layout.lanes + lane) * layout.values + row % layout.values] =
            weight.values[(std::size_t{o} * inputs + i) * taps + t];
      }
    }
  }
  return packed;
}

}  // namespace rivulet::ops
