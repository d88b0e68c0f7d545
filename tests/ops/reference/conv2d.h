#pragma once
// The naive convolution: one sum per output value, in double, in the order of the formula.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "ops/conv2d.h"
#include "ops/op_harness.h"

namespace rivulet::test::reference {

/// Inputs of a convolution; null where there is none. Scale, shift and laneBias are [N,C,1,1], pixelScale [N,1,H,W].
struct ConvInputs {
  const Image* x = nullptr;
  const Image* x2 = nullptr;
  const Image* scale = nullptr;
  const Image* shift = nullptr;
  const Image* pixelScale = nullptr;
  ops::Activation activation = ops::Activation::None;
  const Image* residual = nullptr;
  const Image* laneBias = nullptr;
  std::uint32_t laneBiasAt = 0;
};

inline double applyActivation(ops::Activation activation, double v) {
  return activation == ops::Activation::Silu ? v / (1 + std::exp(-v)) : v;
}

/// The value the kernel sees at (c, y, x) after the prologue, y and x inside the image.
inline double convInput(const ConvInputs& in, std::uint32_t n, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
  const std::uint32_t c1 = in.x->desc.c;
  double v = c < c1 ? double{in.x->at(n, c, y, x)} : double{in.x2->at(n, c - c1, y, x)};
  if (in.scale == nullptr) return v;
  if (in.pixelScale != nullptr) v *= double{in.pixelScale->at(n, 0, y, x)};
  return applyActivation(in.activation, v * double{in.scale->at(n, c, 0, 0)} + double{in.shift->at(n, c, 0, 0)});
}

/// `out` has the shape and the type of the result; weights are rounded to that type, as the kernel's are.
inline Image conv2d(const ops::Conv2dDesc& desc, const ConvInputs& in, const TensorDesc& out) {
  const std::uint32_t inputs = desc.weight.shape[1], kernel = desc.weight.shape[2];
  const TensorDesc x = in.x->desc;
  const int before = kernel == 3 && desc.padding != ops::Padding::ZeroAfter ? 1 : 0;
  const int height = static_cast<int>(x.h), width = static_cast<int>(x.w);
  const auto weightOf = [&](std::uint32_t o, std::uint32_t i, std::uint32_t ky, std::uint32_t kx) {
    const float w = desc.weight.values[((std::size_t{o} * inputs + i) * kernel + ky) * kernel + kx];
    return double{out.type == DataType::F16 ? halfToFloat(floatToHalf(w)) : w};
  };
  Image y = makeImage(out);
  for (std::uint32_t n = 0; n < out.n; ++n) {
    for (std::uint32_t o = 0; o < out.c; ++o) {
      for (std::uint32_t oy = 0; oy < out.h; ++oy) {
        for (std::uint32_t ox = 0; ox < out.w; ++ox) {
          double sum = desc.bias.values.empty() ? 0.0 : double{desc.bias.values[o]};
          if (in.laneBias != nullptr) sum += double{in.laneBias->at(n, in.laneBiasAt + o, 0, 0)};
          for (std::uint32_t ky = 0; ky < kernel; ++ky) {
            for (std::uint32_t kx = 0; kx < kernel; ++kx) {
              int iy = static_cast<int>(oy * desc.stride + ky) - before;
              int ix = static_cast<int>(ox * desc.stride + kx) - before;
              if (desc.padding == ops::Padding::Circular) {
                iy = (iy + height) % height;
                ix = (ix + width) % width;
              }
              if (desc.padding == ops::Padding::Edge) {
                iy = std::clamp(iy, 0, height - 1);
                ix = std::clamp(ix, 0, width - 1);
              }
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              for (std::uint32_t i = 0; i < inputs; ++i) {
                sum += convInput(in, n, i, static_cast<std::uint32_t>(iy), static_cast<std::uint32_t>(ix)) *
                       weightOf(o, i, ky, kx);
              }
            }
          }
          sum = applyActivation(desc.activation, sum);
          if (in.residual != nullptr) sum += double{in.residual->at(n, o, oy, ox)};
          y.at(n, o, oy, ox) = static_cast<float>(sum * double{desc.outputScale});
        }
      }
    }
  }
  return y;
}

}  // namespace rivulet::test::reference
