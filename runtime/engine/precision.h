#pragma once
// How exactly a network is computed.

#include <string>
#include <string_view>

#include "tensor/tensor_desc.h"
#include "vk/device_caps.h"

namespace rivulet::engine {

enum class Precision {
  Fp32,   // activations and weights are floats
  Fp16,   // they are stored as halves; sums are floats
  Int8,   // as Fp16, but layers that have a quantisation (ops/quantization.h) are multiplied in bytes
  Mixed,  // as Fp16 in the first and the last evaluation of a texture, as Int8 between them
};

constexpr DataType storageOf(Precision precision) {
  return precision == Precision::Fp32 ? DataType::F32 : DataType::F16;
}

/// Whether it is for networks with a quantisation only.
constexpr bool multipliesBytes(Precision precision) {
  return precision == Precision::Int8 || precision == Precision::Mixed;
}

/// Fp16 where the device stores it and computes in hardware; software devices only convert, so Fp32.
Precision defaultPrecision(const vk::DeviceCaps& caps);

/// "fp32", "fp16", "int8", "mixed".
const char* toString(Precision precision);
/// The other way. Errors: InvalidArgument with the names there are.
Precision parsePrecision(std::string_view name);
/// The same; the device's usual one for an empty name.
Precision parsePrecision(std::string_view name, const vk::DeviceCaps& caps);

}  // namespace rivulet::engine
