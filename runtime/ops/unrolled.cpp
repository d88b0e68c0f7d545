#include "ops/unrolled.h"

#include <algorithm>

#include "ops/conv2d_checks.h"
#include "ops/matrix_weights.h"
#include "ops/op_support.h"
#include "ops/uniform.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

// FLAGS of unrolled.comp.
enum Flag : std::uint32_t { kHasResidual = 1, kHasLaneBias = 2, kUpsample = 4, kWhole = 8, kSquares = 16 };

constexpr std::uint32_t kUnrolledDigit = 3;  // UNIFORM_BITS of unrolled.comp

/// What subgroups make, eight vectors each, and how they are put into workgroups.
struct Units {
  std::uint32_t pixels;  // of a unit, neighbours in a row
  std::uint32_t rows, rowPixels, rowUnits;
  std::uint32_t subgroups, groups, outer;  // of a workgroup; workgroups along y and z
  bool whole;                              // no pixel too many
};

Units unitsOf(const graph::Graph& graph, const TensorDesc& out, std::uint32_t kernel, std::uint32_t vectors,
              std::uint32_t lanes) {
  constexpr std::uint32_t kVectors = 8, kMostSubgroups = 16, kFewestGroups = 8;
  Units u{};
  u.pixels = kVectors / vectors;
  u.rows = kernel == 1 ? 1 : out.n * out.h;
  u.rowPixels = kernel == 1 ? static_cast<std::uint32_t>(out.pixels()) : out.w;
  u.rowUnits = ceilDiv(u.rowPixels, u.pixels);
  const std::uint64_t all = std::uint64_t{u.rows} * u.rowUnits;
  u.subgroups = subgroupsOf(graph.caps(), lanes, kMostSubgroups);
  while (u.subgroups > 1 && all / u.subgroups < kFewestGroups) u.subgroups /= 2;
  const std::uint32_t groups = ceilDiv(all, u.subgroups);
  u.outer = ceilDiv(groups, graph.caps().maxWorkgroupCount[1]);
  u.groups = ceilDiv(groups, u.outer);
  u.whole = u.rowPixels % u.pixels == 0 && all == std::uint64_t{u.subgroups} * u.groups * u.outer;
  return u;
}

}  // namespace

Tensor unrolledConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t kernel = desc.weight.shape[2], lanes = plan.lanes;
  const std::uint32_t vectors = unrolledVectors(out.stride(), lanes), columns = out.stride() / (vectors * lanes);
  const Units units = unitsOf(graph, out, kernel, vectors, lanes);

  const UnrolledWeightLayout layout{in.c, in2.c, vectors, lanes};
  const std::uint64_t weightBytes = layout.elements(desc.weight) * sizeof(float);
  const Weight weight = graph.weight(desc.name + ".unrolled", weightBytes,
                                     [w = desc.weight, layout] { return floatBytes(packUnrolledWeight(w, layout)); });
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
  if (units.whole) flags |= kWhole;

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describeConv2d(desc, result);
  dispatch.kernel = {
      graph.shader("ops/unrolled"),
      {units.subgroups * lanes, lanes, flags, kernel, desc.stride,
       kernel == 1 ? 0 : static_cast<std::uint32_t>(desc.padding), static_cast<std::uint32_t>(desc.activation),
       in.stride(), in2.stride(), out.stride() / 2, vectors, uniformBits(columns, kUnrolledDigit),
       bitsOf(units.subgroups), uniformBits(units.groups, kUnrolledDigit), uniformBits(units.outer, kUnrolledDigit)},
      plan.requiredSize};
  dispatch.groups = {columns, units.groups, units.outer};
  identityTable(dispatch.push, 1u << kUnrolledDigit);
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(weight).offset(bias).offset(inputs.residual);
  dispatch.push.offset(inputs.laneBias).word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0);
  dispatch.push.word(inputs.laneBiasAt).word(in.w | in.h << 16).word(out.w | out.h << 16);
  dispatch.push.word(units.rows).word(units.rowPixels).word(units.rowUnits).word(units.groups).word(out.c);
  dispatch.push.offset(squares).word(squares ? graph.desc(squares).stride() : 0).real(desc.outputScale);
  for (const Tensor tensor : {inputs.x, inputs.x2, inputs.residual, inputs.laneBias}) {
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
