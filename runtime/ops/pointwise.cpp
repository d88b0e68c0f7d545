#include "ops/pointwise.h"

#include "ops/matrix_weights.h"
#include "ops/op_support.h"
#include "ops/uniform.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

// FLAGS of pointwise.comp.
enum Flag : std::uint32_t { kHasResidual = 1, kHasLaneBias = 2, kUpsample = 4, kWhole = 8, kSquares = 16 };

}  // namespace

Tensor pointwiseConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                       const Conv2dPlan& plan) {
  constexpr std::uint32_t kTogether = 4;  // pixels of a subgroup
  constexpr std::uint32_t kSubgroups = 16;
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t depth = in.stride() + in2.stride(), lanes = plan.lanes;
  const std::uint32_t columns = out.stride() / (2 * lanes);
  const auto pixels = static_cast<std::uint32_t>(in.pixels());
  const std::uint32_t subgroups = subgroupsOf(graph.caps(), lanes, kSubgroups);
  const std::uint32_t all = ceilDiv(pixels, kTogether * subgroups);
  const std::uint32_t outer = ceilDiv(all, graph.caps().maxWorkgroupCount[1]), groups = ceilDiv(all, outer);

  const std::uint64_t weightBytes = std::uint64_t{depth} * out.stride() * sizeof(float);
  const Weight weight = graph.weight(
      desc.name + ".pointwise", weightBytes,
      [w = desc.weight, c1 = in.c, c2 = in2.c, lanes] { return floatBytes(packPointwiseWeight(w, c1, c2, lanes)); });
  const Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, out.stride());
  TensorDesc result = out;
  if (desc.upsample) {
    result.h *= 2;
    result.w *= 2;
  }
  const Tensor y = graph.tensor(result, desc.name);

  Tensor squares;
  if (desc.pixelSquares) {
    squares = graph.tensor({1, 1, columns, static_cast<std::uint32_t>(result.pixels()), DataType::F32},
                           desc.name + ".squares");
    graph.setPixelSquares(y, squares);
  }

  std::uint32_t flags = 0;
  if (squares) flags |= kSquares;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (desc.upsample) flags |= kUpsample;
  if (pixels == std::uint64_t{kTogether} * subgroups * groups * outer) flags |= kWhole;

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = std::string(desc.upsample ? "conv2d 1x1 x2 " : "conv2d 1x1 ") + std::to_string(in.c + in2.c) + "->" +
                std::to_string(out.c) + " " + std::to_string(result.w) + "x" + std::to_string(result.h);
  dispatch.kernel = {
      graph.shader("ops/pointwise"),
      {subgroups * lanes, lanes, flags, static_cast<std::uint32_t>(desc.activation), in.stride(), in2.stride(),
       out.stride() / 2, bitsOf(columns), bitsOf(subgroups), bitsOf(groups), bitsOf(outer)},
      plan.requiredSize};
  dispatch.groups = {columns, groups, outer};
  identityTable(dispatch.push, 8);
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(weight).offset(bias).offset(inputs.residual);
  dispatch.push.offset(inputs.laneBias).word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0);
  dispatch.push.word(inputs.laneBiasAt).word(pixels).word(in.h * in.w).word(in.w).word(groups).word(out.c);
  dispatch.push.offset(squares).word(squares ? graph.desc(squares).stride() : 0).real(desc.outputScale);
  for (const Tensor tensor : {inputs.x, inputs.x2, inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {y};
  if (squares) dispatch.writes.push_back(squares);
  dispatch.multiplyAdds = out.pixels() * out.c * desc.weight.shape[1];
  dispatch.bytes = in.bytes() + in2.bytes() + weightBytes + result.bytes() + (inputs.residual ? out.bytes() : 0);
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
