#pragma once
// A weight file with layers in eight bits (ops/quantization.h), from one in floats.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "quantize/calibration.h"
#include "tensor/safetensors.h"

namespace rivulet::quantize {

struct QuantizedLayer {
  std::string name;
  float inputScale = 0;     // 0: only its weights are bytes
  double weightError = 0;   // relative L2 of the weights
  double clippedShare = 0;  // of the largest input: 1 - 127 inputScale / largest
};

struct QuantizedModel {
  std::vector<std::byte> file;
  std::vector<QuantizedLayer> layers;
  std::uint64_t parameters = 0;   // of the network
  std::uint64_t tensorBytes = 0;  // scales included, header and metadata not
};

/// Weights of `file` (one of our own) with two or more axes become bytes with a scale per output, the one with the
/// least squared error; convolutions in `magnitudes` get the scale of their inputs as well. Layers named in `keep`,
/// whole or by how their names begin, stay as they are, as do vectors. Metadata is copied; the key "quantization" says
/// what was done. Errors: InvalidArgument (a name in `keep` that no layer has; nothing left to do; a file that is
/// quantised already).
QuantizedModel quantizeModel(const Safetensors& file, const Magnitudes& magnitudes,
                             const std::vector<std::string>& keep);

}  // namespace rivulet::quantize
