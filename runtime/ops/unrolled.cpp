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

// FLAGS of unrolled.comp and unrolled_sum.comp.
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

/// What is done to a sum besides storing it.
struct Epilogue {
  Tensor y, squares;
  Weight bias;
  std::uint32_t flags = 0;
};

Epilogue epilogueOf(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                    std::uint32_t columns) {
  Epilogue e;
  e.bias = floatVector(graph, desc.name + ".bias", desc.bias, out.stride());
  TensorDesc result = out;
  if (desc.upsample) {
    result.h *= 2;
    result.w *= 2;
    e.flags |= kUpsample;
  }
  e.y = graph.tensor(result, desc.name);
  if (desc.pixelSquares) {
    e.squares = graph.tensor({1, 1, columns, static_cast<std::uint32_t>(result.pixels()), DataType::F32},
                             desc.name + ".squares");
    graph.setPixelSquares(e.y, e.squares);
    e.flags |= kSquares;
  }
  if (inputs.residual) e.flags |= kHasResidual;
  if (inputs.laneBias) e.flags |= kHasLaneBias;
  return e;
}

void appendEpilogueTensors(graph::Dispatch& dispatch, const Conv2dInputs& inputs, const Epilogue& e) {
  for (const Tensor tensor : {inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes.push_back(e.y);
  if (e.squares) dispatch.writes.push_back(e.squares);
}

/// The second dispatch of a sum in parts: `sums` [parts, pixels of out, outputs].
void addParts(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
              const Conv2dPlan& plan, const Epilogue& e, Tensor sums) {
  constexpr std::uint32_t kMostSubgroups = 8;
  const std::uint32_t subgroups = subgroupsOf(graph.caps(), plan.lanes, kMostSubgroups);
  const auto pixels = static_cast<std::uint32_t>(out.pixels());
  const std::uint32_t all = ceilDiv(pixels, subgroups), outer = ceilDiv(all, graph.caps().maxWorkgroupCount[1]);
  const std::uint32_t groups = ceilDiv(all, outer);
  graph::Dispatch dispatch;
  dispatch.name = desc.name + ".sum";
  dispatch.op = "sum of parts " + std::to_string(out.c) + " " + std::to_string(out.w) + "x" + std::to_string(out.h);
  dispatch.kernel = {graph.shader("ops/unrolled_sum"),
                     {subgroups * plan.lanes, plan.lanes, e.flags, plan.sumParts,
                      static_cast<std::uint32_t>(desc.activation), out.stride() / 2},
                     plan.requiredSize};
  dispatch.groups = {out.stride() / (2 * plan.lanes), groups, outer};
  dispatch.push.offset(sums).offset(e.y).offset(e.bias).offset(inputs.residual).offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0).word(inputs.laneBiasAt);
  dispatch.push.word(pixels).word(out.h * out.w).word(groups).word(out.c);
  dispatch.push.offset(e.squares).word(e.squares ? graph.desc(e.squares).stride() : 0).real(desc.outputScale);
  dispatch.reads = {sums};
  appendEpilogueTensors(dispatch, inputs, e);
  dispatch.bytes = graph.desc(sums).bytes() + out.bytes() * (inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
}

}  // namespace

Tensor unrolledConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t kernel = desc.weight.shape[2], lanes = plan.lanes, parts = plan.sumParts;
  const std::uint32_t vectors = unrolledVectors(out.stride(), lanes), columns = out.stride() / (vectors * lanes);
  const Units units = unitsOf(graph, out, kernel, vectors, lanes);

  const UnrolledWeightLayout layout{in.c, in2.c, vectors, lanes};
  const std::uint64_t weightBytes = layout.elements(desc.weight) * sizeof(float);
  const Weight weight = graph.weight(desc.name + ".unrolled", weightBytes,
                                     [w = desc.weight, layout] { return floatBytes(packUnrolledWeight(w, layout)); });
  const Epilogue e = epilogueOf(graph, desc, inputs, out, columns);
  // Bare sums, of which the other dispatch makes what the epilogue says.
  Tensor sums;
  if (parts > 1) {
    sums = graph.tensor({parts, 1, static_cast<std::uint32_t>(out.pixels()), out.stride(), DataType::F32},
                        desc.name + ".sums");
  }

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describeConv2d(desc, graph.desc(e.y));
  dispatch.kernel = {graph.shader("ops/unrolled"),
                     {units.subgroups * lanes, lanes, (sums ? 0 : e.flags) | (units.whole ? kWhole : 0u), kernel,
                      desc.stride, kernel == 1 ? 0 : static_cast<std::uint32_t>(desc.padding),
                      static_cast<std::uint32_t>(sums ? Activation::None : desc.activation), in.stride(), in2.stride(),
                      out.stride() / 2, vectors, uniformBits(columns * parts, kUnrolledDigit), bitsOf(units.subgroups),
                      uniformBits(units.groups, kUnrolledDigit), uniformBits(units.outer, kUnrolledDigit), parts},
                     plan.requiredSize};
  dispatch.groups = {columns * parts, units.groups, units.outer};
  identityTable(dispatch.push, 1u << kUnrolledDigit);
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(sums ? sums : e.y).offset(weight).offset(e.bias);
  dispatch.push.offset(inputs.residual).offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0);
  dispatch.push.word(inputs.laneBiasAt).word(in.w | in.h << 16).word(out.w | out.h << 16);
  dispatch.push.word(units.rows).word(units.rowPixels).word(units.rowUnits).word(units.groups).word(out.c);
  dispatch.push.offset(e.squares).word(e.squares ? graph.desc(e.squares).stride() : 0).real(desc.outputScale);
  dispatch.reads = {inputs.x};
  if (inputs.x2) dispatch.reads.push_back(inputs.x2);
  if (sums) {
    dispatch.writes = {sums};
  } else {
    appendEpilogueTensors(dispatch, inputs, e);
  }
  dispatch.multiplyAdds = out.pixels() * out.c * desc.weight.shape[1] * kernel * kernel;
  dispatch.bytes = in.bytes() + in2.bytes() + weightBytes + graph.desc(sums ? sums : e.y).bytes();
  if (inputs.residual && !sums) dispatch.bytes += out.bytes();
  graph.dispatch(std::move(dispatch));
  if (sums) addParts(graph, desc, inputs, out, plan, e, sums);
  return e.y;
}

}  // namespace rivulet::ops
