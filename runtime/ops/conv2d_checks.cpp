#include "ops/conv2d_checks.h"

#include "ops/op_support.h"
#include "ops/staged_tile.h"

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kMaxSize = 65535;  // width and height share a word of push constants

std::uint32_t outputSize(std::uint32_t size, const Conv2dDesc& desc, std::uint32_t kernel) {
  const bool after = kernel == 3 && desc.padding == Padding::ZeroAfter;
  return after ? size / 2 : ceilDiv(size, desc.stride);
}

/// Of its choice between tiles.
std::string keyOf(const Conv2dShape& shape, StagedProduct product) {
  const char* const name = product == StagedProduct::Halves  ? "matrix "
                           : product == StagedProduct::Bytes ? "bytes "
                                                             : "dot ";
  return name + std::to_string(shape.kernel) + "x" + std::to_string(shape.kernel) + "/" + std::to_string(shape.stride) +
         " " + std::to_string(shape.inputs) + "->" + std::to_string(shape.outputs) + " " +
         std::to_string(shape.outWidth) + "x" + std::to_string(shape.outHeight) + " x" + std::to_string(shape.n);
}

}  // namespace

TensorDesc checkConv2d(const graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs) {
  const auto refuse = [&](const std::string& why) { ops::refuse("conv2d", desc.name, why); };
  const std::vector<std::uint32_t>& w = desc.weight.shape;
  if (w.size() != 4 || w[0] == 0 || w[1] == 0 || w[2] != w[3] || (w[2] != 1 && w[2] != 3) ||
      desc.weight.values.size() != std::size_t{w[0]} * w[1] * w[2] * w[3]) {
    refuse("its weight is " + shapeText(w) + ", it must be [O,I,1,1] or [O,I,3,3]");
  }
  if (!desc.bias.values.empty() && desc.bias.values.size() != w[0]) {
    refuse("its bias has " + std::to_string(desc.bias.values.size()) + " values, its weight is " + shapeText(w));
  }
  if (desc.stride != 1 && desc.stride != 2) refuse("its stride is " + std::to_string(desc.stride) + ", not 1 or 2");
  const TensorDesc x = graph.desc(inputs.x);
  const std::uint32_t c2 = inputs.x2 ? graph.desc(inputs.x2).c : 0;
  if (x.type != graph.storage()) refuse("its input is " + toString(x) + ", not of the graph's storage type");
  if (inputs.x2 && graph.desc(inputs.x2) != TensorDesc{x.n, x.h, x.w, c2, x.type}) {
    refuse("its inputs are " + toString(x) + " and " + toString(graph.desc(inputs.x2)) +
           "; only their channels may differ");
  }
  if (w[1] != x.c + c2) {
    refuse("its weight is " + shapeText(w) + ", its input " + toString(x) +
           (c2 != 0 ? " and " + toString(graph.desc(inputs.x2)) : "") + " has " + std::to_string(x.c + c2) +
           " channels");
  }
  if (x.h > kMaxSize || x.w > kMaxSize) {
    refuse("its input is " + toString(x) + ", at most 65535 pixels wide and high");
  }
  if (w[2] == 3 && desc.padding == Padding::ZeroAfter && (desc.stride != 2 || x.h < 2 || x.w < 2)) {
    refuse("padding after the image is for stride 2 and at least 2x2 pixels, not stride " +
           std::to_string(desc.stride) + " and " + toString(x));
  }
  if (desc.quantization && desc.quantization.weightScales.size() != w[0]) {
    refuse("its quantisation has " + std::to_string(desc.quantization.weightScales.size()) +
           " scales of weights, its weight is " + shapeText(w));
  }
  if (desc.upsample && (w[2] != 1 || desc.stride != 1 || inputs.residual)) {
    refuse("its result is upsampled only after a 1x1 kernel of stride 1, without residual");
  }
  const TensorDesc y{x.n, outputSize(x.h, desc, w[2]), outputSize(x.w, desc, w[2]), w[0], graph.storage()};

  const auto expect = [&](graph::Tensor tensor, const TensorDesc& want, const char* what) {
    if (graph.desc(tensor) != want) {
      refuse(std::string(what) + " is " + toString(graph.desc(tensor)) + ", it must be " + toString(want));
    }
  };
  if (inputs.prologue) {
    const TensorDesc perChannel{x.n, 1, 1, x.c + c2, DataType::F32};
    expect(inputs.prologue->scale, perChannel, "the prologue's scale");
    expect(inputs.prologue->shift, perChannel, "the prologue's shift");
    if (inputs.prologue->pixelScale) {
      const TensorDesc plane = graph.desc(inputs.prologue->pixelScale);
      if (plane.type != DataType::F32 || plane.elements() < x.pixels()) {
        refuse("the prologue's pixel scale is " + toString(plane) + ", it must hold " + std::to_string(x.pixels()) +
               " floats");
      }
    }
  }
  if (inputs.residual) expect(inputs.residual, y, "the residual");
  if (inputs.laneBias) {
    const TensorDesc lane = graph.desc(inputs.laneBias);
    if (lane != TensorDesc{x.n, 1, 1, lane.c, DataType::F32} || lane.c < std::uint64_t{inputs.laneBiasAt} + w[0]) {
      refuse("the lane bias is " + toString(lane) + ", it must be [" + std::to_string(x.n) +
             ",1,1,M] f32 with M at least " + std::to_string(std::uint64_t{inputs.laneBiasAt} + w[0]));
    }
  }
  return y;
}

Conv2dPlan planConv2d(const graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs,
                      const TensorDesc& out) {
  const std::uint32_t channels = graph.desc(inputs.x).stride() + (inputs.x2 ? graph.desc(inputs.x2).stride() : 0);
  const Conv2dShape shape{out.n,           out.h,
                          out.w,           channels,
                          out.stride(),    desc.weight.shape[2],
                          desc.stride,     desc.padding,
                          graph.storage(), graph.quantized() && desc.quantization,
                          bool(inputs.x2)};
  Conv2dPlan plan = chooseConv2dPlan(graph.caps(), shape);
  // Floats that a processor would have to round to halves first.
  if (!shape.quantized && graph.caps().isSoftware()) return plan;
  const StagedTiles matrix = stagedTiles(graph.caps(), shape);
  if (matrix.tiles.empty()) return plan;
  plan.choice = graph.choose(keyOf(shape, matrix.tiles.front().product), matrix.usual,
                             static_cast<std::uint32_t>(matrix.tiles.size()));
  plan.staged = matrix.tiles[plan.choice.taken];
  plan.winograd = plan.unrolled = false;
  if (plan.staged->product == StagedProduct::Dot) plan.requiredSize = 0;
  return plan;
}

std::string describeConv2d(const Conv2dDesc& desc, const TensorDesc& y) {
  const std::vector<std::uint32_t>& w = desc.weight.shape;
  const std::string kernel = std::to_string(w[2]) + "x" + std::to_string(w[3]);
  return "conv2d " + kernel +
         (desc.upsample      ? " x2 "
          : desc.stride == 2 ? "/2 "
                             : " ") +
         std::to_string(w[1]) + "->" + std::to_string(w[0]) + " " + std::to_string(y.w) + "x" + std::to_string(y.h);
}

}  // namespace rivulet::ops
