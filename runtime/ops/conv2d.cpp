#include "ops/conv2d.h"

#include "ops/conv2d_plan.h"
#include "ops/conv2d_weights.h"
#include "ops/op_support.h"

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

constexpr std::uint32_t kMaxSize = 65535;  // width and height share a word of push constants

std::uint32_t outputSize(std::uint32_t size, const Conv2dDesc& desc, std::uint32_t kernel) {
  const bool after = kernel == 3 && desc.padding == Padding::ZeroAfter;
  return after ? size / 2 : ceilDiv(size, desc.stride);
}

/// Refuses what does not fit together; returns the output's shape.
TensorDesc checkShapes(const graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs) {
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

std::uint32_t flagsOf(const Conv2dInputs& inputs) {
  std::uint32_t flags = 0;
  if (inputs.x2) flags |= kHasX2;
  if (inputs.prologue) flags |= kHasPrologue;
  if (inputs.prologue && inputs.prologue->pixelScale) flags |= kHasPixelScale;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  return flags;
}

std::string describe(const Conv2dDesc& desc, const TensorDesc& y) {
  const std::vector<std::uint32_t>& w = desc.weight.shape;
  const std::string kernel = std::to_string(w[2]) + "x" + std::to_string(w[3]);
  return "conv2d " + kernel + (desc.stride == 2 ? "/2 " : " ") + std::to_string(w[1]) + "->" + std::to_string(w[0]) +
         " " + std::to_string(y.w) + "x" + std::to_string(y.h);
}

}  // namespace

graph::Tensor conv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs) {
  const TensorDesc out = checkShapes(graph, desc, inputs);
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t kernel = desc.weight.shape[2];
  const Conv2dPlan plan = chooseConv2dPlan(graph.caps(), {out.n, out.h, out.w, in.stride() + in2.stride(), out.stride(),
                                                          kernel, desc.stride, graph.storage()});

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
  dispatch.op = describe(desc, out);
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
