#pragma once
// How a layer is computed in integers of eight bits: weights with a scale per output, inputs with one for all of them,
// both symmetric (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
// Inference", CVPR 2018, without zero points):
//
//   x ~ inputScale * round(x / inputScale),  w[o] ~ weightScales[o] * round(w[o] / weightScales[o]),
//
// the integers within -127 .. 127; products are summed exactly, and the sum is multiplied by both scales.

#include <vector>

namespace rivulet::ops {

struct Quantization {
  std::vector<float> weightScales;  // [O], above 0; the weights are multiples of them
  float inputScale = 0;             // above 0

  explicit operator bool() const { return inputScale > 0; }
};

}  // namespace rivulet::ops
