#include "ops/winograd.h"

#include "ops/matrix_weights.h"
#include "ops/op_support.h"
#include "ops/uniform.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

constexpr std::uint32_t kTile = 4;           // pixels a side
constexpr std::uint32_t kProducts = 36;      // (4 + 3 - 1)^2
constexpr std::uint32_t kTilesTogether = 4;  // that a subgroup multiplies
// UNIFORM_BITS of winograd_input.comp and winograd_output.comp, and of winograd_multiply.comp.
constexpr std::uint32_t kTransformDigit = 3, kProductDigit = 4;

// FLAGS of winograd_input.comp and winograd_output.comp.
enum Flag : std::uint32_t {
  kHasNorm = 1,
  kHasBeta = 2,
  kHasModulation = 4,
  kHasResidual = 8,
  kHasLaneBias = 16,
  kSquares = 32,
  kWholeTiles = 64,
};

/// The image cut into tiles of 4×4 pixels, and how many of them a workgroup makes in each pass.
struct Tiles {
  std::uint32_t wide, high, count, padded;
  std::uint32_t pitch;        // tiles from one matrix to the next
  std::uint32_t transformed;  // by a workgroup, one a subgroup
  std::uint32_t multiplied;   // four a subgroup
  std::uint32_t outer;        // workgroups along z
};

/// Workgroups of as many subgroups as may be; but beyond the smallest, no more than a sixteenth of the tiles may be
/// padding. Products are workgroups along y, 36 for each group of tiles, and along z once more where there are too
/// many.
Tiles tilesOf(const graph::Graph& graph, const TensorDesc& out, std::uint32_t lanes) {
  constexpr std::uint32_t kLeast = 4, kMost = 16;  // subgroups
  Tiles t{ceilDiv(out.w, kTile), ceilDiv(out.h, kTile), 0, 0, 0, 0, 0, 0};
  t.count = out.n * t.wide * t.high;
  const std::uint32_t most = std::max(kLeast, subgroupsOf(graph.caps(), lanes, kMost));
  std::uint32_t subgroups = most;
  const auto padded = [&] { return ceilDiv(t.count, kTilesTogether * subgroups) * kTilesTogether * subgroups; };
  while (subgroups > kLeast && padded() > t.count + t.count / 16) subgroups /= 2;
  t.multiplied = kTilesTogether * subgroups;
  const std::uint32_t groups = padded() / t.multiplied;
  t.outer = ceilDiv(std::uint64_t{kProducts} * groups, graph.caps().maxWorkgroupCount[1]);
  t.padded = ceilDiv(groups, t.outer) * t.outer * t.multiplied;
  // A power of two would put the same tile of all matrices into the same few sets of a cache.
  t.pitch = t.padded + 1;
  t.transformed = std::min(t.multiplied, most);
  return t;
}

std::string describe(const char* pass, const TensorDesc& in, const TensorDesc& in2, const TensorDesc& out) {
  return std::string(pass) + " 3x3 " + std::to_string(in.c + in2.c) + "->" + std::to_string(out.c) + " " +
         std::to_string(out.w) + "x" + std::to_string(out.h);
}

/// What the passes have in common.
struct Convolution {
  const Conv2dDesc& desc;
  const Conv2dInputs& inputs;
  const Conv2dPlan& plan;
  TensorDesc in, in2, out;
  Tiles tiles;
  std::uint32_t depth, outputs;  // channels, padded to groups of 2 lanes
};

/// The first pass: returns [1, 36, pitch, depth].
Tensor transformInput(graph::Graph& graph, const Convolution& c, const NormDesc* norm) {
  Tensor squares, squares2, modulation;
  Weight gamma, beta;
  std::uint32_t flags = 0;
  if (norm != nullptr) {
    squares = pixelSquares(graph, c.inputs.x);
    if (c.inputs.x2) squares2 = pixelSquares(graph, c.inputs.x2);
    const std::uint32_t padded = padChannels(static_cast<std::uint32_t>(norm->gamma.values.size()));
    gamma = floatVector(graph, norm->name + ".gamma", norm->gamma, padded);
    if (!norm->beta.values.empty()) beta = floatVector(graph, norm->name + ".beta", norm->beta, padded);
    modulation = norm->modulation.tensor;
    flags |= kHasNorm;
    if (beta) flags |= kHasBeta;
    if (modulation) flags |= kHasModulation;
  }
  const Tensor v = graph.tensor({1, kProducts, c.tiles.pitch, c.depth, DataType::F32}, c.desc.name + ".v");
  const std::uint32_t lanes = c.plan.lanes, groups = c.tiles.padded / c.tiles.transformed;
  const std::uint32_t channelGroups = c.depth / (2 * lanes);
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name + ".input";
  dispatch.op = describe(norm != nullptr ? "winograd rms input" : "winograd input", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd_input"),
      {c.tiles.transformed * lanes, lanes, flags, static_cast<std::uint32_t>(c.desc.padding),
       static_cast<std::uint32_t>(norm != nullptr ? norm->activation : Activation::None), c.in.c, c.in2.c,
       squares ? graph.desc(squares).w : 0, squares2 ? graph.desc(squares2).w : 0, bitsOf(c.tiles.transformed),
       uniformBits(groups, kTransformDigit), uniformBits(channelGroups, kTransformDigit)},
      c.plan.requiredSize};
  dispatch.groups = {channelGroups, groups, 1};
  identityTable(dispatch.push, 1u << kTransformDigit);
  dispatch.push.offset(c.inputs.x).offset(c.inputs.x2).offset(v).offset(squares).offset(squares2);
  dispatch.push.offset(gamma).offset(beta).offset(modulation);
  dispatch.push.word(modulation ? graph.desc(modulation).stride() : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.scaleAt : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.shiftAt : 0);
  dispatch.push.word(c.in.w | c.in.h << 16).word(c.tiles.wide).word(c.tiles.high).word(c.tiles.count);
  dispatch.push.word(c.tiles.pitch).word(squares ? graph.desc(squares).stride() : 0);
  dispatch.push.real(norm != nullptr ? norm->epsilon : 0.0f);
  for (const Tensor tensor : {c.inputs.x, c.inputs.x2, squares, squares2, modulation}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {v};
  dispatch.bytes = c.in.bytes() + c.in2.bytes() + graph.desc(v).bytes();
  graph.dispatch(std::move(dispatch));
  return v;
}

/// The second pass: returns [1, 36, pitch, outputs].
Tensor multiply(graph::Graph& graph, const Convolution& c, Tensor v) {
  const std::uint32_t lanes = c.plan.lanes, columns = c.outputs / (2 * lanes);
  const std::uint32_t subgroups = c.tiles.multiplied / kTilesTogether;
  const std::uint32_t groups = c.tiles.padded / c.tiles.multiplied / c.tiles.outer;  // of tiles, along y
  const std::uint64_t weightBytes = std::uint64_t{kProducts} * c.depth * c.outputs * sizeof(float);
  const Weight weight =
      graph.weight(c.desc.name + ".winograd", weightBytes, [w = c.desc.weight, c1 = c.in.c, c2 = c.in2.c, lanes] {
        return floatBytes(packWinogradWeight(w, c1, c2, lanes));
      });
  const Tensor m = graph.tensor({1, kProducts, c.tiles.pitch, c.outputs, DataType::F32}, c.desc.name + ".m");
  // Channels between two stores of a sum, which the compiler orders its loads by: the fewest with which it unrolls all.
  constexpr std::uint32_t kMostChunks = 32;
  std::uint32_t chunk = 4;
  while (c.depth / chunk > kMostChunks) chunk *= 2;
  if (c.depth % chunk != 0) throw Error(ErrorCode::Internal, c.desc.name + ": too many inputs for Winograd's products");
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name;
  dispatch.op = describe("winograd", c.in, c.in2, c.out);
  dispatch.kernel = {graph.shader("ops/winograd_multiply"),
                     {subgroups * lanes, lanes, c.depth, chunk, uniformBits(columns, kProductDigit), bitsOf(subgroups),
                      uniformBits(kProducts * groups, kProductDigit), uniformBits(c.tiles.outer, kProductDigit)},
                     c.plan.requiredSize};
  dispatch.groups = {columns, kProducts * groups, c.tiles.outer};  // the longest axis is cut where a budget ends
  identityTable(dispatch.push, 1u << kProductDigit);
  dispatch.push.offset(v).offset(weight).offset(m).word(c.tiles.pitch).word(columns).word(groups);
  dispatch.reads = {v};
  dispatch.writes = {m};
  // What the convolution is, not the quarter of it that is left.
  dispatch.multiplyAdds = c.out.pixels() * c.out.c * c.desc.weight.shape[1] * 9;
  dispatch.bytes = graph.desc(v).bytes() + weightBytes + graph.desc(m).bytes();
  graph.dispatch(std::move(dispatch));
  return m;
}

/// The last pass: returns `out`.
Tensor transformOutput(graph::Graph& graph, const Convolution& c, Tensor m) {
  const std::uint32_t lanes = c.plan.lanes, columns = c.outputs / (2 * lanes);
  const std::uint32_t groups = c.tiles.padded / c.tiles.transformed;
  const Weight bias = floatVector(graph, c.desc.name + ".bias", c.desc.bias, c.out.stride());
  const Tensor y = graph.tensor(c.out, c.desc.name);
  Tensor squares;
  if (c.desc.pixelSquares) {
    squares = graph.tensor({1, 1, columns, static_cast<std::uint32_t>(c.out.pixels()), DataType::F32},
                           c.desc.name + ".squares");
    graph.setPixelSquares(y, squares);
  }
  const Conv2dInputs& inputs = c.inputs;
  std::uint32_t flags = 0;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (squares) flags |= kSquares;
  if (c.out.w % kTile == 0 && c.out.h % kTile == 0 && c.tiles.count == c.tiles.padded) flags |= kWholeTiles;
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name + ".output";
  dispatch.op = describe("winograd output", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd_output"),
      {c.tiles.transformed * lanes, lanes, flags, static_cast<std::uint32_t>(c.desc.activation), c.out.c,
       bitsOf(c.tiles.transformed), uniformBits(groups, kTransformDigit), uniformBits(columns, kTransformDigit)},
      c.plan.requiredSize};
  dispatch.groups = {columns, groups, 1};
  identityTable(dispatch.push, 1u << kTransformDigit);
  dispatch.push.offset(m).offset(y).offset(squares).offset(bias).offset(inputs.residual).offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0).word(inputs.laneBiasAt);
  dispatch.push.word(c.out.w | c.out.h << 16).word(c.tiles.wide).word(c.tiles.high).word(c.tiles.count);
  dispatch.push.word(c.tiles.pitch).word(squares ? graph.desc(squares).stride() : 0).real(c.desc.outputScale);
  dispatch.reads = {m};
  for (const Tensor tensor : {inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {y};
  if (squares) dispatch.writes.push_back(squares);
  dispatch.bytes = graph.desc(m).bytes() + c.out.bytes() * (inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace

Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan, const NormDesc* norm) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t depth = winogradChannels(in.c, plan.lanes) + winogradChannels(in2.c, plan.lanes);
  const Convolution c{
      desc, inputs, plan, in, in2, out, tilesOf(graph, out, plan.lanes), depth, winogradChannels(out.c, plan.lanes)};
  return transformOutput(graph, c, multiply(graph, c, transformInput(graph, c, norm)));
}

Tensor pixelSquares(graph::Graph& graph, Tensor x) {
  if (const Tensor known = graph.pixelSquares(x)) return known;
  constexpr std::uint32_t kLocal = 64;  // 4 million pixels in the widest grid that every device has
  const TensorDesc desc = graph.desc(x);
  const auto pixels = static_cast<std::uint32_t>(desc.pixels());
  const Tensor squares = graph.tensor({1, 1, 1, pixels, DataType::F32}, graph.name(x) + ".squares");
  graph::Dispatch dispatch;
  dispatch.name = graph.name(x) + ".squares";
  dispatch.op = "pixel squares " + std::to_string(desc.c) + " " + std::to_string(desc.w) + "x" + std::to_string(desc.h);
  dispatch.kernel = {graph.shader("ops/pixel_squares"), {kLocal, desc.stride() / 2}};
  dispatch.groups = {ceilDiv(pixels, kLocal), 1, 1};
  dispatch.push.offset(x).offset(squares).word(pixels);
  dispatch.reads = {x};
  dispatch.writes = {squares};
  dispatch.multiplyAdds = desc.pixels() * desc.c;
  dispatch.bytes = desc.bytes();
  graph.dispatch(std::move(dispatch));
  graph.setPixelSquares(x, squares);
  return squares;
}

}  // namespace rivulet::ops
