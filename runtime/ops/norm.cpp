#include "ops/norm.h"

#include "ops/conv2d_checks.h"
#include "ops/conv2d_staged.h"
#include "ops/op_support.h"
#include "ops/winograd.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

struct Shapes {
  TensorDesc x, x2, y;  // x2.c = 0 where there is none
  std::uint32_t pixels() const { return y.h * y.w; }
  std::uint32_t c2() const { return x2.c; }
};

Shapes check(const graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs) {
  Shapes s;
  s.x = graph.desc(inputs.x);
  s.x2 = s.x;
  s.x2.c = 0;
  if (inputs.x2) {
    s.x2 = graph.desc(inputs.x2);
    if (s.x2.n != s.x.n || s.x2.h != s.x.h || s.x2.w != s.x.w || s.x2.type != s.x.type) {
      refuse("norm", desc.name,
             "its inputs are " + toString(s.x) + " and " + toString(s.x2) + ", only channels may differ");
    }
  }
  if (s.x.type != graph.storage()) {
    refuse("norm", desc.name, "its input " + toString(s.x) + " is not of the graph's storage type");
  }
  s.y = s.x;
  s.y.c = s.x.c + s.x2.c;
  if (desc.gamma.values.size() != s.y.c) {
    refuse(
        "norm", desc.name,
        "gamma has " + std::to_string(desc.gamma.values.size()) + " values for " + std::to_string(s.y.c) + " channels");
  }
  if (!desc.beta.values.empty() && desc.beta.values.size() != s.y.c) {
    refuse(
        "norm", desc.name,
        "beta has " + std::to_string(desc.beta.values.size()) + " values for " + std::to_string(s.y.c) + " channels");
  }
  if (desc.kind == NormDesc::Kind::Group && (desc.groups == 0 || s.y.c % desc.groups != 0)) {
    refuse("norm", desc.name,
           std::to_string(desc.groups) + " groups do not divide " + std::to_string(s.y.c) + " channels");
  }
  if (desc.modulation.tensor) {
    const TensorDesc m = graph.desc(desc.modulation.tensor);
    const std::uint64_t last = std::uint64_t{std::max(desc.modulation.scaleAt, desc.modulation.shiftAt)} + s.y.c;
    if (m.n != s.y.n || m.h != 1 || m.w != 1 || m.type != DataType::F32 || last > m.c) {
      refuse("norm", desc.name,
             "the modulation is " + toString(m) + ", it must be [" + std::to_string(s.y.n) +
                 ",1,1,M] f32 with M at least " + std::to_string(last));
    }
  }
  return s;
}

std::string describe(const char* what, const Shapes& s) {
  const std::string channels = s.c2() ? std::to_string(s.x.c) + "+" + std::to_string(s.c2()) : std::to_string(s.x.c);
  return std::string(what) + " " + channels + " " + std::to_string(s.y.w) + "x" + std::to_string(s.y.h);
}

/// RVL_INPUT_* of shaders/ops/norm_input.glsl.
std::uint32_t inputLayout(const Shapes& s) {
  if (s.c2() == 0) return 0;
  return s.x.c % 8 == 0 ? 1 : 2;
}

/// A grid over the pixels of an image for kernels that are given whether it fits exactly.
struct PixelGrid {
  std::uint32_t local, groups;
  bool exact;
};

/// `lanes` invocations share a pixel. Software devices get workgroups that fit, and enough of them for their cores.
PixelGrid pixelGrid(const graph::Graph& graph, std::uint32_t pixels, std::uint32_t lanes, std::uint32_t gpuLocal) {
  PixelGrid grid{};
  if (graph.caps().isSoftware()) {
    grid.local = std::max(32u, lanes);
    while (grid.local > 8 && grid.local > lanes && (pixels % grid.local != 0 || pixels / grid.local < 16))
      grid.local /= 2;
  } else {
    grid.local = workgroupSize(graph, gpuLocal);
  }
  grid.groups = loopingGroups(graph, 0, pixels, grid.local / lanes);
  grid.exact = std::uint64_t{grid.groups} * (grid.local / lanes) == pixels;
  return grid;
}

std::vector<Tensor> readsOf(const NormInputs& inputs) {
  if (inputs.x2) return {inputs.x, inputs.x2};
  return {inputs.x};
}

/// Unrolled, every access of a software device becomes much code to compile: pointers to float a tenth of the others.
bool cheapAccess(const graph::Graph& graph) {
  return graph.caps().bufferDeviceAddress && graph.storage() == DataType::F32;
}

/// Invocations that share a pixel of RMS norm: see shaders/ops/norm_rms.comp.
std::uint32_t rmsLanes(const graph::Graph& graph, const Shapes& s) {
  const std::uint32_t quads = s.y.stride() / 4;
  std::uint32_t lanes = 1;
  while (!graph.caps().isSoftware() && lanes < 32 && lanes * 2 <= quads) lanes *= 2;
  return lanes;
}

/// One dispatch: the whole norm into `y`, or (prologue given) its statistics, with `y` the plane of 1 / rms.
void dispatchRms(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs, const Shapes& s, Tensor y,
                 const Prologue* prologue) {
  const std::uint32_t padded = s.y.stride();
  const Weight gamma = floatVector(graph, desc.name + ".gamma", desc.gamma, padded);
  const bool hasBeta = !desc.beta.values.empty();
  const Weight beta = hasBeta ? floatVector(graph, desc.name + ".beta", desc.beta, padded) : Weight{};
  const bool software = graph.caps().isSoftware();
  const std::uint32_t lanes = rmsLanes(graph, s);
  const PixelGrid grid = pixelGrid(graph, s.pixels(), lanes, 128);
  const bool modulated = static_cast<bool>(desc.modulation.tensor);
  const bool rolled = software && padded > (cheapAccess(graph) ? 256u : 16u);

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describe(prologue ? "rms statistics" : "rms norm", s);
  dispatch.kernel = {graph.shader("ops/norm_rms"),
                     {grid.local, lanes, s.x.c, s.c2(), prologue ? 1u : 0u,
                      prologue ? 0u : static_cast<std::uint32_t>(desc.activation), hasBeta ? 1u : 0u,
                      modulated ? 1u : 0u, software ? 1u : 0u, grid.exact ? 1u : 0u, rolled ? 1u : 0u}};
  dispatch.groups = {grid.groups, 1, s.y.n};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y);
  dispatch.push.offset(prologue ? prologue->scale : Tensor{}).offset(prologue ? prologue->shift : Tensor{});
  dispatch.push.offset(gamma).offset(beta).offset(desc.modulation.tensor);
  dispatch.push.word(modulated ? graph.desc(desc.modulation.tensor).stride() : 0);
  dispatch.push.word(desc.modulation.scaleAt).word(desc.modulation.shiftAt).word(s.pixels()).real(desc.epsilon);
  dispatch.push.word(dispatch.groups[0]);
  dispatch.reads = readsOf(inputs);
  if (modulated) dispatch.reads.push_back(desc.modulation.tensor);
  dispatch.writes = {y};
  if (prologue) dispatch.writes.insert(dispatch.writes.end(), {prologue->scale, prologue->shift});
  dispatch.multiplyAdds = s.y.pixels() * s.y.c * (prologue ? 1 : 2);
  dispatch.bytes = s.x.bytes() + s.x2.bytes() + graph.desc(y).bytes();
  graph.dispatch(std::move(dispatch));
}

constexpr std::uint32_t kChunkElements = 32768;  // of a group: more are cut, so that large images fill the device
constexpr std::uint32_t kMaxChunks = 1024;

/// Writes prologue.scale and .shift from the statistics of the groups.
void dispatchGroup(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs, const Shapes& s,
                   const Prologue& prologue) {
  const std::uint32_t padded = s.y.stride(), groupChannels = s.y.c / desc.groups;
  const Weight gamma = floatVector(graph, desc.name + ".gamma", desc.gamma, padded);
  const Weight beta = floatVector(graph, desc.name + ".beta", desc.beta, padded);
  const std::uint32_t wantedChunks =
      std::min(kMaxChunks, ceilDiv(std::uint64_t{s.pixels()} * groupChannels, kChunkElements));
  const std::uint32_t chunkPixels = ceilDiv(s.pixels(), wantedChunks);
  const std::uint32_t chunks = ceilDiv(s.pixels(), chunkPixels);
  const Tensor partials =
      chunks > 1 ? graph.tensor({s.y.n, 1, 1, desc.groups * chunks * 2, DataType::F32}, desc.name + ".partials")
                 : Tensor{};
  const std::uint32_t layout = inputLayout(s);
  const bool quads = groupChannels % 4 == 0 && layout != 2;
  const bool modulated = static_cast<bool>(desc.modulation.tensor);
  const bool software = graph.caps().isSoftware();
  const std::string shader =
      graph.shader(graph.caps().subgroupArithmetic ? "ops/norm_group.subgroup" : "ops/norm_group");

  const auto append = [&](std::uint32_t mode, const char* what) {
    const std::uint32_t local = software ? 8 : workgroupSize(graph, mode == 2 ? 64 : 256);
    graph::Dispatch dispatch;
    dispatch.name = desc.name;
    dispatch.op = describe(what, s);
    dispatch.kernel = {shader, {local, mode, quads ? 1u : 0u, layout}};
    dispatch.groups = {mode == 2 ? 1 : chunks, desc.groups, s.y.n};
    dispatch.push.offset(inputs.x).offset(inputs.x2).offset(prologue.scale).offset(prologue.shift).offset(partials);
    dispatch.push.offset(gamma).offset(beta).offset(desc.modulation.tensor);
    dispatch.push.word(modulated ? graph.desc(desc.modulation.tensor).stride() : 0);
    dispatch.push.word(desc.modulation.scaleAt).word(desc.modulation.shiftAt);
    dispatch.push.word(s.x.c).word(s.c2()).word(groupChannels);
    dispatch.push.word(s.pixels()).word(chunkPixels).word(chunks).real(desc.epsilon).word(desc.groups);
    if (mode == 2) {
      dispatch.reads = {partials};
    } else {
      dispatch.reads = readsOf(inputs);
      dispatch.multiplyAdds = s.y.pixels() * s.y.c;
      dispatch.bytes = s.x.bytes() + s.x2.bytes();
    }
    if (mode == 1) {
      dispatch.writes = {partials};
    } else {
      dispatch.writes = {prologue.scale, prologue.shift};
      if (modulated) dispatch.reads.push_back(desc.modulation.tensor);
    }
    graph.dispatch(std::move(dispatch));
  };
  if (chunks == 1) {
    append(0, "group statistics");
  } else {
    append(1, "group statistics");
    append(2, "group fold");
  }
}

/// y = activation(x * scale + shift).
void dispatchApply(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs, const Shapes& s,
                   const Prologue& prologue, Tensor y) {
  const bool software = graph.caps().isSoftware();
  const std::uint32_t quads = s.y.stride() / 4;
  const std::uint32_t widest = software && !cheapAccess(graph) ? 2 : 8;
  std::uint32_t block = 2;
  while (block < widest && quads % (block * 2) == 0) block *= 2;
  const std::uint32_t lanes = software ? 1 : block;
  const PixelGrid grid = pixelGrid(graph, s.pixels(), lanes, 256);
  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describe("norm", s);
  dispatch.kernel = {graph.shader("ops/norm_apply"),
                     {grid.local, lanes, static_cast<std::uint32_t>(desc.activation), software ? 1u : 0u, block,
                      inputLayout(s), grid.exact ? 1u : 0u}};
  dispatch.groups = {grid.groups, quads / block, s.y.n};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(prologue.scale).offset(prologue.shift);
  dispatch.push.word(s.x.c).word(s.c2()).word(s.pixels()).word(dispatch.groups[0]);
  dispatch.reads = readsOf(inputs);
  dispatch.reads.insert(dispatch.reads.end(), {prologue.scale, prologue.shift});
  dispatch.writes = {y};
  dispatch.multiplyAdds = s.y.pixels() * s.y.c;
  dispatch.bytes = s.x.bytes() + s.x2.bytes() + s.y.bytes();
  graph.dispatch(std::move(dispatch));
}

Prologue makePrologue(graph::Graph& graph, const NormDesc& desc, const Shapes& s) {
  Prologue prologue;
  const TensorDesc perChannel{s.y.n, 1, 1, s.y.c, DataType::F32};
  prologue.scale = graph.tensor(perChannel, desc.name + ".scale");
  prologue.shift = graph.tensor(perChannel, desc.name + ".shift");
  prologue.activation = desc.activation;
  return prologue;
}

}  // namespace

Prologue normPrologue(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs) {
  const Shapes s = check(graph, desc, inputs);
  Prologue prologue = makePrologue(graph, desc, s);
  if (desc.kind == NormDesc::Kind::Rms) {
    const std::uint64_t pixels = s.y.pixels();
    prologue.pixelScale =
        graph.tensor({1, 1, 1, static_cast<std::uint32_t>(pixels), DataType::F32}, desc.name + ".pixel_scale");
    dispatchRms(graph, desc, inputs, s, prologue.pixelScale, &prologue);
  } else {
    dispatchGroup(graph, desc, inputs, s, prologue);
  }
  return prologue;
}

Tensor norm(graph::Graph& graph, const NormDesc& desc, const NormInputs& inputs) {
  const Shapes s = check(graph, desc, inputs);
  const Tensor y = graph.tensor(s.y, desc.name);
  if (desc.kind == NormDesc::Kind::Rms) {
    dispatchRms(graph, desc, inputs, s, y, nullptr);
  } else {
    const Prologue prologue = makePrologue(graph, desc, s);
    dispatchGroup(graph, desc, inputs, s, prologue);
    dispatchApply(graph, desc, inputs, s, prologue, y);
  }
  return y;
}

Tensor normConv2d(graph::Graph& graph, const NormDesc& normDesc, const NormInputs& normInputs, const Conv2dDesc& conv,
                  Tensor residual, Tensor laneBias, std::uint32_t laneBiasAt) {
  Conv2dInputs inputs;
  inputs.residual = residual;
  inputs.laneBias = laneBias;
  inputs.laneBiasAt = laneBiasAt;
  inputs.x = normInputs.x;
  inputs.x2 = normInputs.x2;
  if (normDesc.kind == NormDesc::Kind::Rms && !graph.observing()) {
    check(graph, normDesc, normInputs);
    const TensorDesc out = checkConv2d(graph, conv, inputs);
    const Conv2dPlan plan = planConv2d(graph, conv, inputs, out);
    if (plan.winograd) return winogradConv2d(graph, conv, inputs, out, plan, &normDesc);
    const bool squares = graph.pixelSquares(inputs.x) && (!inputs.x2 || graph.pixelSquares(inputs.x2));
    if (plan.staged && squares) return stagedConv2d(graph, conv, inputs, out, plan, &normDesc);
  }
  if (graph.caps().isSoftware() || graph.observing()) {
    inputs.x2 = {};
    inputs.x = norm(graph, normDesc, normInputs);
  } else {
    inputs.prologue = normPrologue(graph, normDesc, normInputs);
  }
  return conv2d(graph, conv, inputs);
}

}  // namespace rivulet::ops
