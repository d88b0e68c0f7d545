#pragma once
// Self-attention with the N×N matrix, in double.

#include <algorithm>

#include "ops/op_harness.h"

namespace rivulet::test::reference {

inline Image attention(const Image& q, const Image& k, const Image& v, std::uint32_t heads, float scale) {
  const TensorDesc& d = q.desc;
  const std::uint32_t tokens = d.h * d.w, dim = d.c / heads;
  Image out = makeImage(d);
  const auto at = [&](const Image& image, std::uint32_t n, std::uint32_t c, std::uint32_t token) {
    return double{image.at(n, c, token / d.w, token % d.w)};
  };
  std::vector<double> weight(tokens);
  for (std::uint32_t n = 0; n < d.n; ++n) {
    for (std::uint32_t head = 0; head < heads; ++head) {
      for (std::uint32_t i = 0; i < tokens; ++i) {
        for (std::uint32_t j = 0; j < tokens; ++j) {
          weight[j] = 0;
          for (std::uint32_t c = head * dim; c < (head + 1) * dim; ++c) weight[j] += at(q, n, c, i) * at(k, n, c, j);
          weight[j] *= double{scale};
        }
        const double highest = *std::max_element(weight.begin(), weight.end());
        double total = 0;
        for (double& w : weight) total += w = std::exp(w - highest);
        for (std::uint32_t c = head * dim; c < (head + 1) * dim; ++c) {
          double sum = 0;
          for (std::uint32_t j = 0; j < tokens; ++j) sum += weight[j] * at(v, n, c, j);
          out.at(n, c, i / d.w, i % d.w) = static_cast<float>(sum / total);
        }
      }
    }
  }
  return out;
}

}  // namespace rivulet::test::reference
