#include "ops/conv2d.h"

#include "ops/conv2d_checks.h"
#include "ops/conv2d_staged.h"
#include "ops/conv2d_weights.h"
#include "ops/op_support.h"
#include "ops/resample.h"
#include "ops/unrolled.h"
#include "ops/winograd.h"

namespace rivulet::ops {
namespace {

// FLAGS of conv2d.comp and conv2d_plain.comp.
enum Flag : std::uint32_t {
  kHasX2 = 1,
  kHasPrologue = 2,
  kHasPixelScale = 4,
  kHasResidual = 8,
  kHasLaneBias = 16,
  kRollStores = 32,
  kWholeUnits = 64,
  kWholeChannels = 128,
};

std::uint32_t flagsOf(const Conv2dInputs& inputs) {
  std::uint32_t flags = 0;
  if (inputs.x2) flags |= kHasX2;
  if (inputs.prologue) flags |= kHasPrologue;
  if (inputs.prologue && inputs.prologue->pixelScale) flags |= kHasPixelScale;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  return flags;
}

}  // namespace

graph::Tensor conv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs) {
  const TensorDesc out = checkConv2d(graph, desc, inputs);
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t kernel = desc.weight.shape[2];
  graph.observe(desc.name, inputs.x);
  graph.observe(desc.name, inputs.x2);
  const Conv2dPlan plan = planConv2d(graph, desc, inputs, out);
  if (plan.staged) return stagedConv2d(graph, desc, inputs, out, plan);
  if (plan.winograd && !inputs.prologue) return winogradConv2d(graph, desc, inputs, out, plan);
  if (plan.unrolled && !inputs.prologue) return unrolledConv2d(graph, desc, inputs, out, plan);
  if (desc.upsample) {
    Conv2dDesc small = desc;
    small.upsample = false;
    return nearestUpsample2(graph, desc.name + ".up", conv2d(graph, small, inputs));
  }

  Conv2dWeightLayout layout{in.c, in2.c, 0, plan.lanes, plan.values};
  const std::uint32_t tileChannels = plan.lanes * plan.vectors;
  const std::uint32_t channelTiles = plan.subgroup ? ceilDiv(out.stride(), tileChannels) : 0;
  if (plan.subgroup) {
    layout.tiles = channelTiles * plan.vectors;
  } else {
    layout.lanes = layout.values = 4;
    layout.tiles = out.stride() / 4;
  }
  const std::uint64_t weightBytes = layout.elements(kernel) * sizeOf(graph.storage());
  const graph::Weight weight = graph.weight(
      desc.name + ".weight", weightBytes,
      [w = desc.weight, layout, type = graph.storage()] { return storageBytes(packConv2dWeight(w, layout), type); });
  const graph::Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, layout.tiles * layout.lanes);
  const graph::Tensor y = graph.tensor(out, desc.name);

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describeConv2d(desc, out);
  std::uint32_t flags = flagsOf(inputs);
  const auto inputActivation =
      static_cast<std::uint32_t>(inputs.prologue ? inputs.prologue->activation : Activation::None);
  const auto activation = static_cast<std::uint32_t>(desc.activation);
  const auto padding = static_cast<std::uint32_t>(desc.padding);
  std::uint32_t units = 0;
  if (plan.subgroup) {
    const std::uint32_t subgroups = plan.local / plan.lanes;
    units = channelTiles * ceilDiv(out.w, plan.tileX);
    if (plan.rollStores) flags |= kRollStores;
    if (units % subgroups == 0) flags |= kWholeUnits;
    if (out.stride() % tileChannels == 0) flags |= kWholeChannels;
    dispatch.kernel = {graph.shader(plan.wide ? "ops/conv2d.wide" : "ops/conv2d"),
                       {plan.local, plan.lanes, kernel, desc.stride, plan.tileX, plan.tileY, plan.vectors, plan.steps,
                        plan.parts, padding, flags, inputActivation, activation, channelTiles},
                       plan.requiredSize};
    dispatch.groups = {ceilDiv(units, subgroups), ceilDiv(out.h, plan.tileY), out.n};
  } else {
    units = out.h * out.w;
    dispatch.kernel = {graph.shader("ops/conv2d_plain"),
                       {plan.local, kernel, desc.stride, padding, flags, inputActivation, activation}};
    dispatch.groups = {ceilDiv(units, plan.local), out.stride() / 4, out.n};
  }

  const Prologue prologue = inputs.prologue.value_or(Prologue{});
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(weight).offset(bias).offset(inputs.residual);
  dispatch.push.offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0).word(inputs.laneBiasAt);
  dispatch.push.offset(prologue.scale).offset(prologue.shift).offset(prologue.pixelScale);
  dispatch.push.word(inputs.prologue ? graph.desc(prologue.scale).stride() : 0);
  dispatch.push.word(in.w | in.h << 16).word(out.w | out.h << 16);
  dispatch.push.word(in.stride()).word(in2.stride()).word(out.stride()).word(in.c).word(out.c).word(units);
  dispatch.push.real(desc.outputScale);
  dispatch.reads = {inputs.x};
  for (const graph::Tensor tensor :
       {inputs.x2, prologue.scale, prologue.shift, prologue.pixelScale, inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {y};
  dispatch.multiplyAdds = out.pixels() * out.c * desc.weight.shape[1] * kernel * kernel;
  dispatch.bytes = weightBytes + out.bytes();
  for (const graph::Tensor tensor : dispatch.reads) dispatch.bytes += graph.desc(tensor).bytes();
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
