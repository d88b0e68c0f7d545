#pragma once
// Changes of resolution as torch defines them.

#include "ops/op_harness.h"

namespace rivulet::test::reference {

inline Image nearestUpsample2(const Image& x) {
  Image out = makeImage({x.desc.n, x.desc.h * 2, x.desc.w * 2, x.desc.c, x.desc.type});
  for (std::uint32_t n = 0; n < out.desc.n; ++n) {
    for (std::uint32_t c = 0; c < out.desc.c; ++c) {
      for (std::uint32_t y = 0; y < out.desc.h; ++y) {
        for (std::uint32_t col = 0; col < out.desc.w; ++col) out.at(n, c, y, col) = x.at(n, c, y / 2, col / 2);
      }
    }
  }
  return out;
}

inline Image pixelUnshuffle2(const Image& x) {
  Image out = makeImage({x.desc.n, x.desc.h / 2, x.desc.w / 2, x.desc.c * 4, x.desc.type});
  for (std::uint32_t n = 0; n < x.desc.n; ++n) {
    for (std::uint32_t c = 0; c < x.desc.c; ++c) {
      for (std::uint32_t y = 0; y < x.desc.h; ++y) {
        for (std::uint32_t col = 0; col < x.desc.w; ++col) {
          out.at(n, c * 4 + (y % 2) * 2 + col % 2, y / 2, col / 2) = x.at(n, c, y, col);
        }
      }
    }
  }
  return out;
}

inline Image pixelShuffle2(const Image& x) {
  Image out = makeImage({x.desc.n, x.desc.h * 2, x.desc.w * 2, x.desc.c / 4, x.desc.type});
  for (std::uint32_t n = 0; n < out.desc.n; ++n) {
    for (std::uint32_t c = 0; c < out.desc.c; ++c) {
      for (std::uint32_t y = 0; y < out.desc.h; ++y) {
        for (std::uint32_t col = 0; col < out.desc.w; ++col) {
          out.at(n, c, y, col) = x.at(n, c * 4 + (y % 2) * 2 + col % 2, y / 2, col / 2);
        }
      }
    }
  }
  return out;
}

}  // namespace rivulet::test::reference
