#pragma once
// Normalisations, written as their definitions, in double.

#include "ops/norm.h"
#include "ops/op_harness.h"

namespace rivulet::test::reference {

inline double activate(ops::Activation activation, double v) {
  return activation == ops::Activation::Silu ? v / (1.0 + std::exp(-v)) : v;
}

inline Image concat(const Image& a, const Image* b) {
  if (!b) return a;
  TensorDesc desc = a.desc;
  desc.c += b->desc.c;
  Image out = makeImage(desc);
  for (std::uint32_t n = 0; n < desc.n; ++n) {
    for (std::uint32_t c = 0; c < desc.c; ++c) {
      for (std::uint32_t y = 0; y < desc.h; ++y) {
        for (std::uint32_t x = 0; x < desc.w; ++x) {
          out.at(n, c, y, x) = c < a.desc.c ? a.at(n, c, y, x) : b->at(n, c - a.desc.c, y, x);
        }
      }
    }
  }
  return out;
}

/// `modulation` [N,1,1,M] or null.
inline Image norm(const ops::NormDesc& desc, const Image& x, const Image* modulation) {
  Image out = makeImage(x.desc);
  const TensorDesc& d = x.desc;
  const auto finish = [&](std::uint32_t n, std::uint32_t c, std::uint32_t y, std::uint32_t col, double normalised) {
    double v = normalised * desc.gamma.values[c] + (desc.beta.values.empty() ? 0.0 : desc.beta.values[c]);
    if (modulation) {
      v = v * (1.0 + modulation->at(n, desc.modulation.scaleAt + c, 0, 0)) +
          modulation->at(n, desc.modulation.shiftAt + c, 0, 0);
    }
    out.at(n, c, y, col) = static_cast<float>(activate(desc.activation, v));
  };
  for (std::uint32_t n = 0; n < d.n; ++n) {
    if (desc.kind == ops::NormDesc::Kind::Rms) {
      for (std::uint32_t y = 0; y < d.h; ++y) {
        for (std::uint32_t col = 0; col < d.w; ++col) {
          double sum = 0;
          for (std::uint32_t c = 0; c < d.c; ++c) sum += double{x.at(n, c, y, col)} * x.at(n, c, y, col);
          const double inverse = 1.0 / std::sqrt(sum / d.c + double{desc.epsilon});
          for (std::uint32_t c = 0; c < d.c; ++c) finish(n, c, y, col, x.at(n, c, y, col) * inverse);
        }
      }
      continue;
    }
    const std::uint32_t size = d.c / desc.groups;
    for (std::uint32_t g = 0; g < desc.groups; ++g) {
      double sum = 0, squares = 0;
      const double count = static_cast<double>(std::uint64_t{d.h} * d.w * size);
      const auto each = [&](const auto& action) {
        for (std::uint32_t c = g * size; c < (g + 1) * size; ++c) {
          for (std::uint32_t y = 0; y < d.h; ++y) {
            for (std::uint32_t col = 0; col < d.w; ++col) action(c, y, col, double{x.at(n, c, y, col)});
          }
        }
      };
      each([&](auto, auto, auto, double v) { sum += v; });
      each([&](auto, auto, auto, double v) { squares += (v - sum / count) * (v - sum / count); });
      const double inverse = 1.0 / std::sqrt(squares / count + double{desc.epsilon});
      each([&](std::uint32_t c, std::uint32_t y, std::uint32_t col, double v) {
        finish(n, c, y, col, (v - sum / count) * inverse);
      });
    }
  }
  return out;
}

}  // namespace rivulet::test::reference
