#pragma once
// Shapes and storage of activations. Everything is channels-last, [N,H,W,C], with C padded to a multiple of 8; the
// padding holds zeros, so a kernel may read it as data.

#include <cstdint>
#include <string>
#include <vector>

namespace rivulet {

enum class DataType : std::uint8_t { F32, F16 };

constexpr std::uint32_t sizeOf(DataType type) {
  return type == DataType::F32 ? 4u : 2u;
}
constexpr std::uint32_t kChannelAlignment = 8;
constexpr std::uint32_t padChannels(std::uint32_t c) {
  return (c + kChannelAlignment - 1) / kChannelAlignment * kChannelAlignment;
}

/// One activation: `n` images (lanes of the batch) of h × w pixels and c channels. A vector per lane has h = w = 1.
struct TensorDesc {
  std::uint32_t n = 1, h = 1, w = 1, c = 1;
  DataType type = DataType::F32;

  std::uint32_t stride() const { return padChannels(c); }  // elements from one pixel to the next
  std::uint64_t elements() const { return std::uint64_t{n} * h * w * stride(); }
  std::uint64_t bytes() const { return elements() * sizeOf(type); }
  std::uint64_t pixels() const { return std::uint64_t{n} * h * w; }
  bool operator==(const TensorDesc&) const = default;
};

/// "[2,64,64,3] f16"
std::string toString(const TensorDesc& desc);

/// A constant on the host, in PyTorch's layout (convolution [O,I,kh,kw], linear [O,I], vector [n]), widened to float.
struct HostTensor {
  std::vector<std::uint32_t> shape;
  std::vector<float> values;
};

}  // namespace rivulet
