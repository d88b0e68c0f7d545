#include "ops/pointwise.h"

#include "ops/matrix_weights.h"
#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

// FLAGS of pointwise.comp.
enum Flag : std::uint32_t { kHasResidual = 1, kHasLaneBias = 2, kUpsample = 4, kWholeTurns = 8, kSquares = 16 };

}  // namespace

Tensor pointwiseConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                       const Conv2dPlan& plan) {
  constexpr std::uint32_t kBlock = 256;  // pixels that share a read of the weights, at most
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t depth = in.stride() + in2.stride();
  const MatrixTile tile = pointwiseTile(depth, out.stride(), plan.lanes);
  const std::uint32_t columns = out.stride() / (tile.lanes * tile.vectors);
  const auto pixels = static_cast<std::uint32_t>(in.pixels());
  const auto aligned = [&](std::uint32_t rows) { return ceilDiv(rows, tile.rows) * tile.rows; };
  std::uint32_t block = aligned(std::clamp(in.h * in.w / 2, 1u, kBlock));
  block = std::max(block, aligned(ceilDiv(pixels, graph.caps().maxWorkgroupCount[1])));

  const std::uint64_t weightBytes = std::uint64_t{depth} * out.stride() * sizeof(float);
  const Weight weight = graph.weight(
      desc.name + ".pointwise", weightBytes,
      [w = desc.weight, c1 = in.c, c2 = in2.c, tile] { return floatBytes(packPointwiseWeight(w, c1, c2, tile)); });
  const Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, out.stride());
  TensorDesc result = out;
  if (desc.upsample) {
    result.h *= 2;
    result.w *= 2;
  }
  const Tensor y = graph.tensor(result, desc.name);

  Tensor squares;
  if (desc.pixelSquares && columns == 1) {
    squares =
        graph.tensor({1, 1, 1, static_cast<std::uint32_t>(result.pixels()), DataType::F32}, desc.name + ".squares");
    graph.setPixelSquares(y, squares);
  }

  std::uint32_t flags = 0;
  if (squares) flags |= kSquares;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (desc.upsample) flags |= kUpsample;
  if (pixels % tile.rows == 0) flags |= kWholeTurns;

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = std::string(desc.upsample ? "conv2d 1x1 x2 " : "conv2d 1x1 ") + std::to_string(in.c + in2.c) + "->" +
                std::to_string(out.c) + " " + std::to_string(result.w) + "x" + std::to_string(result.h);
  dispatch.kernel = {graph.shader("ops/pointwise"),
                     {tile.lanes, tile.lanes, flags, static_cast<std::uint32_t>(desc.activation), in.stride() / 2,
                      in2.stride() / 2, out.stride() / 2, tile.rows, tile.vectors},
                     plan.requiredSize};
  dispatch.groups = {columns, ceilDiv(pixels, block), 1};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(weight).offset(bias).offset(inputs.residual);
  dispatch.push.offset(inputs.laneBias).word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0);
  dispatch.push.word(inputs.laneBiasAt).word(pixels).word(in.h * in.w).word(in.w).word(block).word(out.c);
  dispatch.push.offset(squares).real(desc.outputScale);
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
