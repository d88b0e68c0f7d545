#pragma once
// A convolution with everything that can be fused into it, and an RMS norm in front: inputs on the device, and what
// should come out. Which op makes it is the test's choice (winograd_test, conv2d_staged_test).

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>

#include "ops/conv2d.h"
#include "ops/conv2d_checks.h"
#include "ops/norm.h"
#include "ops/op_harness.h"
#include "ops/reference/conv2d.h"
#include "ops/reference/norm.h"

namespace rivulet::test {

enum ConvFeature : std::uint32_t {
  kBias = 1,
  kResidual = 2,
  kLaneBias = 4,
  kSilu = 8,
  kScaled = 16,
  kSquares = 32,  // of the result, for the next norm
  kNorm = 64,
  kBeta = 128,
  kModulated = 256,
  kUpsample = 512,
  kQuantised = 1024,
};

struct NormConvolutionCase {
  std::uint32_t n, h, w, c1, c2, o, kernel = 3, stride = 1;
  ops::Padding padding = ops::Padding::Circular;
  std::uint32_t features = 0;
  bool has(ConvFeature feature) const { return (features & feature) != 0; }
};

inline std::string describe(const NormConvolutionCase& c) {
  return "[" + std::to_string(c.n) + "," + std::to_string(c.h) + "," + std::to_string(c.w) + "," +
         std::to_string(c.c1) + "+" + std::to_string(c.c2) + "] -> " + std::to_string(c.o) + " kernel " +
         std::to_string(c.kernel) + " stride " + std::to_string(c.stride) + " padding " +
         std::to_string(static_cast<int>(c.padding)) + " features " + std::to_string(c.features);
}

struct NormConvolution {
  NormConvolution(const vk::DeviceCaps& caps, const NormConvolutionCase& c, DataType type, bool asGpu,
                  std::uint32_t seed)
      : random(seed), harness(caps, type, asGpu) {
    const std::uint32_t channels = c.c1 + c.c2;
    const auto input = [&](Image& image, const TensorDesc& shape, const char* name, float deviation) {
      image = randomImage(random, shape, deviation);
      return harness.input(image, name);
    };
    desc.name = "layer";
    desc.padding = c.padding;
    desc.stride = c.stride;
    desc.pixelSquares = c.has(kSquares);
    desc.upsample = c.has(kUpsample);
    const auto fan = static_cast<float>(c.kernel * c.kernel * channels);
    desc.weight = randomTensor(random, {c.o, channels, c.kernel, c.kernel}, 1.0f / std::sqrt(fan));
    if (type == DataType::F16) {  // what the reference rounds to: some kernels keep these weights as floats
      for (float& w : desc.weight.values) w = halfToFloat(floatToHalf(w));
    }
    if (c.has(kQuantised)) quantise();
    if (c.has(kBias)) desc.bias = randomTensor(random, {c.o});
    if (c.has(kSilu)) desc.activation = ops::Activation::Silu;
    if (c.has(kScaled)) desc.outputScale = 0.7f;

    inputs.x = input(x, {c.n, c.h, c.w, c.c1, type}, "x", 1.0f);
    if (c.c2 != 0) inputs.x2 = input(x2, {c.n, c.h, c.w, c.c2, type}, "x2", 1.0f);
    out = ops::checkConv2d(harness.graph, desc, inputs);
    if (c.has(kResidual)) inputs.residual = input(residual, out, "residual", 1.0f);
    if (c.has(kLaneBias)) {
      inputs.laneBias = input(laneBias, {c.n, 1, 1, c.o + 9, DataType::F32}, "lane bias", 1.0f);
      inputs.laneBiasAt = 5;
    }
    if (!c.has(kNorm)) return;
    norm.name = "norm";
    norm.epsilon = 1e-3f;
    norm.gamma = randomTensor(random, {channels}, 0.3f, 1.0f);
    if (c.has(kBeta)) norm.beta = randomTensor(random, {channels}, 0.3f);
    norm.activation = ops::Activation::Silu;
    if (c.has(kModulated)) {
      norm.modulation = {input(modulation, {c.n, 1, 1, 2 * channels + 3, DataType::F32}, "modulation", 0.3f), 1,
                         channels + 2};
    }
  }

  /// Null: there is none.
  const ops::NormDesc* normIfAny() const { return norm.gamma.values.empty() ? nullptr : &norm; }

  /// Weights become multiples of scales that are powers of two, so that nothing else rounds them.
  void quantise() {
    const std::size_t perOutput = desc.weight.values.size() / desc.weight.shape[0];
    for (std::uint32_t o = 0; o < desc.weight.shape[0]; ++o) {
      const std::span<float> row = std::span(desc.weight.values).subspan(o * perOutput, perOutput);
      float most = 0;
      for (const float w : row) most = std::max(most, std::abs(w));
      const float scale = std::exp2(std::ceil(std::log2(most / 127.0f)));
      for (float& w : row) w = scale * std::nearbyint(w / scale);
      desc.quantization.weightScales.push_back(scale);
    }
    desc.quantization.inputScale = 1.0f / 32;  // of what is larger than four, little is lost
    harness.graph.setQuantized(true);
  }

  /// Before it is upsampled.
  Image reference() const {
    Image whole = reference::concat(x, x2.values.empty() ? nullptr : &x2);
    if (normIfAny() != nullptr) {
      whole = reference::norm(norm, whole, modulation.values.empty() ? nullptr : &modulation);
    }
    if (const float scale = desc.quantization.inputScale; scale > 0) {
      for (float& v : whole.values) v = scale * std::clamp(std::nearbyint(v / scale), -127.0f, 127.0f);
    }
    reference::ConvInputs in;
    in.x = &whole;
    if (!residual.values.empty()) in.residual = &residual;
    if (!laneBias.values.empty()) in.laneBias = &laneBias;
    in.laneBiasAt = 5;
    return reference::conv2d(desc, in, out);
  }

  std::mt19937 random;
  OpHarness harness;
  Image x, x2, residual, laneBias, modulation;
  ops::Conv2dDesc desc;
  ops::Conv2dInputs inputs;
  ops::NormDesc norm;
  TensorDesc out;            // before it is upsampled
  graph::Tensor y, squares;  // for the test to fill in
};

}  // namespace rivulet::test
