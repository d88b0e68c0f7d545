#pragma once
// A matrix times a vector per lane, in double.

#include "ops/linear.h"
#include "ops/reference/norm.h"  // activate

namespace rivulet::test::reference {

inline Image linear(const ops::LinearDesc& desc, const Image& x, const Image* addend) {
  const std::uint32_t outputs = desc.weight.shape[0], inputs = desc.weight.shape[1];
  Image out = makeImage({x.desc.n, 1, 1, outputs, DataType::F32});
  for (std::uint32_t n = 0; n < x.desc.n; ++n) {
    for (std::uint32_t o = 0; o < outputs; ++o) {
      double sum = desc.bias.values.empty() ? 0.0 : double{desc.bias.values[o]};
      for (std::uint32_t i = 0; i < inputs; ++i) {
        sum += desc.weight.values[std::size_t{o} * inputs + i] * activate(desc.inputActivation, x.at(n, i, 0, 0));
      }
      if (addend) sum += addend->at(n, o, 0, 0);
      out.at(n, o, 0, 0) = static_cast<float>(activate(desc.activation, sum));
    }
  }
  return out;
}

}  // namespace rivulet::test::reference
