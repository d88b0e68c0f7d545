#include "ops/conv2d_staged.h"

#include <algorithm>
#include <cmath>

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

// FLAGS and NORM of staging.glsl.
enum Flag : std::uint32_t {
  kHasPixelScale = 1,
  kHasBeta = 2,
  kHasModulation = 4,
  kHasResidual = 8,
  kHasLaneBias = 16,
  kSquares = 32,
  kUpsample = 64,
};
enum NormMode : std::uint32_t { kNone, kPrologue, kRms };

/// [O,I,k,k] to [blocks][taps][O padded][block]: rows as in Conv2dWeightLayout, zeros behind them.
std::vector<float> packWeight(const HostTensor& weight, std::uint32_t channels1, std::uint32_t depth,
                              std::uint32_t block) {
  const std::size_t outputs = weight.shape[0], inputs = weight.shape[1], taps = weight.shape[2] * weight.shape[3];
  const std::size_t rows = padChannels(weight.shape[0]), blocks = ceilDiv(depth, block);
  std::vector<float> packed(blocks * taps * rows * block, 0.0f);
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::size_t row = i < channels1 ? i : padChannels(channels1) + i - channels1;
      for (std::size_t tap = 0; tap < taps; ++tap) {
        packed[((row / block * taps + tap) * rows + o) * block + row % block] =
            weight.values[(o * inputs + i) * taps + tap];
      }
    }
  }
  return packed;
}

/// The integers that quantised weights stand for, as bytes.
std::vector<std::byte> packBytes(const HostTensor& weight, const std::vector<float>& scales, std::uint32_t channels1,
                                 std::uint32_t depth, std::uint32_t block) {
  HostTensor integers = weight;
  const std::size_t perOutput = weight.values.size() / scales.size();
  for (std::size_t i = 0; i < integers.values.size(); ++i) integers.values[i] /= scales[i / perOutput];
  const std::vector<float> packed = packWeight(integers, channels1, depth, block);
  std::vector<std::byte> bytes(packed.size());
  std::transform(packed.begin(), packed.end(), bytes.begin(), [](float v) {
    return static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(std::round(v), -127.0f, 127.0f)));
  });
  return bytes;
}

/// The bias, and behind it, for bytes, what a sum is multiplied with and what the input is: [O], [O], [1].
Weight biasAndScales(graph::Graph& graph, const Conv2dDesc& desc, std::uint32_t padded, bool quantized) {
  if (!quantized) return floatVector(graph, desc.name + ".bias", desc.bias, padded);
  HostTensor all{{2 * padded + 1}, desc.bias.values};
  all.values.resize(2 * std::size_t{padded} + 1, 0.0f);
  const Quantization& q = desc.quantization;
  for (std::size_t o = 0; o < q.weightScales.size(); ++o) all.values[padded + o] = q.weightScales[o] * q.inputScale;
  all.values.back() = 1.0f / q.inputScale;
  return floatVector(graph, desc.name + ".bias_and_scales", all, padChannels(2 * padded + 1));
}

const char* shaderOf(StagedProduct product) {
  switch (product) {
    case StagedProduct::Halves:
      return "ops/conv2d_coopmat";
    case StagedProduct::Bytes:
      return "ops/conv2d_coopmat.int8";
    case StagedProduct::Dot:
      return "ops/conv2d_dot";
  }
  return "";
}

std::string describe(const Conv2dDesc& desc, const TensorDesc& y, const StagedTile& tile, bool rms) {
  const std::vector<std::uint32_t>& w = desc.weight.shape;
  const std::string kernel = std::to_string(w[2]) + "x" + std::to_string(w[3]);
  const char* const what = tile.product == StagedProduct::Halves  ? "matrix "
                           : tile.product == StagedProduct::Bytes ? "int8 matrix "
                                                                  : "int8 dot ";
  return what + std::string(rms ? "rms " : "") + kernel + (desc.stride == 2 ? "/2 " : " ") +
         (desc.upsample ? "x2 " : "") + std::to_string(w[1]) + "->" + std::to_string(w[0]) + " " + std::to_string(y.w) +
         "x" + std::to_string(y.h);
}

/// Parameters of the input's norm, whichever it is.
struct NormSources {
  NormMode mode = kNone;
  Activation activation = Activation::None;
  std::uint32_t flags = 0;
  Tensor squares, squares2, scale, shift, modulation;
  Weight gamma, beta;
  std::uint32_t planes = 0, plane = 0, stride = 0;
};

NormSources sourcesOf(graph::Graph& graph, const Conv2dInputs& inputs, const NormDesc* norm) {
  NormSources s;
  if (norm != nullptr) {
    s.mode = kRms;
    s.activation = norm->activation;
    s.squares = graph.pixelSquares(inputs.x);
    s.planes = graph.desc(s.squares).w;
    s.plane = graph.desc(s.squares).stride();
    if (inputs.x2) {
      s.squares2 = graph.pixelSquares(inputs.x2);
      s.planes |= graph.desc(s.squares2).w << 16;
    }
    const auto channels = static_cast<std::uint32_t>(norm->gamma.values.size());
    s.gamma = floatVector(graph, norm->name + ".gamma", norm->gamma, padChannels(channels));
    if (!norm->beta.values.empty()) {
      s.beta = floatVector(graph, norm->name + ".beta", norm->beta, padChannels(channels));
      s.flags |= kHasBeta;
    }
    s.modulation = norm->modulation.tensor;
    if (s.modulation) {
      s.flags |= kHasModulation;
      s.stride = graph.desc(s.modulation).stride();
    }
  } else if (inputs.prologue) {
    s.mode = kPrologue;
    s.activation = inputs.prologue->activation;
    s.squares = inputs.prologue->pixelScale;
    if (s.squares) s.flags |= kHasPixelScale;
    s.scale = inputs.prologue->scale;
    s.shift = inputs.prologue->shift;
    s.stride = graph.desc(s.scale).stride();
  }
  return s;
}

}  // namespace

Tensor stagedConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                    const Conv2dPlan& plan, const NormDesc* norm) {
  const StagedTile& tile = *plan.staged;
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t kernel = desc.weight.shape[2], depth = in.stride() + in2.stride();
  const bool quantized = tile.product != StagedProduct::Halves;

  const std::uint64_t weightBytes = std::uint64_t{ceilDiv(depth, tile.blockChannels)} * tile.blockChannels * kernel *
                                    kernel * out.stride() * (quantized ? 1 : sizeof(std::uint16_t));
  const Weight weight = graph.weight(desc.name + (quantized ? ".int8" : ".coopmat"), weightBytes,
                                     [w = desc.weight, scales = desc.quantization.weightScales, c1 = in.c, depth,
                                      block = tile.blockChannels, quantized] {
                                       return quantized ? packBytes(w, scales, c1, depth, block)
                                                        : storageBytes(packWeight(w, c1, depth, block), DataType::F16);
                                     });
  const Weight bias = biasAndScales(graph, desc, out.stride(), quantized);
  TensorDesc result = out;
  if (desc.upsample) {
    result.h *= 2;
    result.w *= 2;
  }
  const Tensor y = graph.tensor(result, desc.name);
  Tensor squares;
  if (desc.pixelSquares) {
    squares = graph.tensor(
        {1, 1, ceilDiv(out.stride(), kSquaresPlane), static_cast<std::uint32_t>(result.pixels()), DataType::F32},
        desc.name + ".squares");
    graph.setPixelSquares(y, squares);
  }
  const NormSources source = sourcesOf(graph, inputs, norm);

  std::uint32_t flags = source.flags;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (squares) flags |= kSquares;
  if (desc.upsample) flags |= kUpsample;

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describe(desc, result, tile, norm != nullptr);
  dispatch.choice = plan.choice;
  const std::uint32_t local = tile.subgroups() * tile.lanes;
  dispatch.kernel = {graph.shader(shaderOf(tile.product)),
                     {local,
                      local,
                      tile.m,
                      tile.n,
                      tile.k,
                      tile.pixelFragments,
                      tile.outputFragments,
                      tile.pixelSubgroups,
                      tile.outputSubgroups,
                      tile.tapSubgroups,
                      tile.blockChannels,
                      kernel,
                      desc.stride,
                      tile.tileX,
                      tile.tileY,
                      static_cast<std::uint32_t>(desc.padding),
                      flags,
                      static_cast<std::uint32_t>(source.mode),
                      static_cast<std::uint32_t>(source.activation),
                      static_cast<std::uint32_t>(desc.activation),
                      in.c,
                      in2.c,
                      out.c},
                     plan.requiredSize};
  dispatch.groups = {tile.tilesX * tile.tilesY, tile.columns, out.n};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(weight).offset(bias).offset(inputs.residual);
  dispatch.push.offset(inputs.laneBias).word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0);
  dispatch.push.word(inputs.laneBiasAt).offset(source.squares).offset(source.squares2);
  dispatch.push.word(source.planes).word(source.plane);
  if (norm != nullptr) {
    dispatch.push.offset(source.gamma).offset(source.beta);
  } else {
    dispatch.push.offset(source.scale).offset(source.shift);
  }
  dispatch.push.word(source.stride).offset(source.modulation);
  dispatch.push.word(norm != nullptr ? norm->modulation.scaleAt : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.shiftAt : 0).real(norm != nullptr ? norm->epsilon : 0.0f);
  dispatch.push.offset(squares).word(squares ? graph.desc(squares).stride() : 0);
  dispatch.push.word(in.w | in.h << 16).word(out.w | out.h << 16).word(tile.tilesX).real(desc.outputScale);
  for (const Tensor tensor : {inputs.x, inputs.x2, source.squares, source.squares2, source.scale, source.shift,
                              source.modulation, inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {y};
  if (squares) dispatch.writes.push_back(squares);
  dispatch.multiplyAdds = out.pixels() * out.c * desc.weight.shape[1] * kernel * kernel;
  dispatch.bytes = in.bytes() + in2.bytes() + weightBytes + result.bytes() + (inputs.residual ? out.bytes() : 0);
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
