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
// UNIFORM_BITS of winograd_input.comp and winograd_output.comp, of winograd_multiply.comp, and of winograd.comp.
constexpr std::uint32_t kTransformDigit = 3, kProductDigit = 4, kTogetherDigit = 2;

// FLAGS of winograd.comp, winograd_input.comp and winograd_output.comp.
enum Flag : std::uint32_t {
  kHasNorm = 1,
  kHasBeta = 2,
  kHasModulation = 4,
  kHasResidual = 8,
  kHasLaneBias = 16,
  kSquares = 32,
  kWholeTiles = 64,
};

/// The image cut into tiles of 4×4 pixels.
struct Tiles {
  std::uint32_t wide, high, count;
};

Tiles tilesOf(const TensorDesc& out) {
  const std::uint32_t wide = ceilDiv(out.w, kTile), high = ceilDiv(out.h, kTile);
  return {wide, high, out.n * wide * high};
}

/// How many tiles a workgroup makes in each of three dispatches.
struct PassTiles {
  std::uint32_t padded;       // tiles, with those that fill up the last workgroup
  std::uint32_t pitch;        // tiles from one matrix to the next
  std::uint32_t transformed;  // by a workgroup, one a subgroup
  std::uint32_t multiplied;   // four a subgroup
  std::uint32_t outer;        // workgroups along z
};

/// Workgroups of as many subgroups as may be, but, four tiles a subgroup, no more than a sixteenth of the tiles may be
/// padding. Products are workgroups along y, 36 for each group of tiles, and along z once more where there are too
/// many.
PassTiles passTilesOf(const graph::Graph& graph, std::uint32_t count, std::uint32_t lanes) {
  constexpr std::uint32_t kMost = 16;  // subgroups
  PassTiles t{};
  const std::uint32_t most = subgroupsOf(graph.caps(), lanes, kMost);
  std::uint32_t subgroups = most;
  const auto padded = [&] { return ceilDiv(count, kTilesTogether * subgroups) * kTilesTogether * subgroups; };
  while (subgroups > 1 && padded() > count + count / 16) subgroups /= 2;
  t.multiplied = kTilesTogether * subgroups;
  const std::uint32_t groups = padded() / t.multiplied;
  t.outer = ceilDiv(groups, std::max(1u, graph.caps().maxWorkgroupCount[1] / kProducts));
  t.padded = ceilDiv(groups, t.outer) * t.outer * t.multiplied;
  // A power of two would put the same tile of all matrices into the same few sets of a cache.
  t.pitch = t.padded + 1;
  t.transformed = std::min(t.multiplied, most);
  return t;
}

/// The tiles that a workgroup of winograd.comp takes through all passes; 0: the device's workgroups are too small. It
/// has a subgroup for each of them and 2 lanes of outputs. More tiles use weights more often, fewer leave work for more
/// cores, and tiles that an image does not have are work for nothing.
std::uint32_t tilesTogether(const vk::DeviceCaps& caps, const Tiles& tiles, std::uint32_t lanes,
                            std::uint32_t columns) {
  constexpr std::uint32_t kMost = 16, kEnough = 8, kWorkgroups = 4;
  std::uint32_t together = kMost;
  const std::uint32_t image = tiles.wide * tiles.high;
  while (together > kEnough && ceilDiv(image, together) < kWorkgroups) together /= 2;
  while (together > kTilesTogether && image <= together / 2) together /= 2;
  while (together * columns > mostSubgroups(caps, lanes)) together /= 2;
  const bool fits = together >= kTilesTogether && ceilDiv(tiles.count, together) <= caps.maxWorkgroupCount[0];
  return fits ? together : 0;
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

  std::uint64_t weightBytes() const { return std::uint64_t{kProducts} * depth * outputs * sizeof(float); }
  std::uint32_t columns() const { return outputs / (2 * plan.lanes); }
  std::uint32_t size() const { return in.w | in.h << 16; }
};

/// What the input transform reads besides the input.
struct Norm {
  const NormDesc* desc = nullptr;
  Tensor squares, squares2, modulation;
  Weight gamma, beta;
  std::uint32_t flags = 0;
};

Norm normOf(graph::Graph& graph, const Convolution& c, const NormDesc* desc) {
  Norm norm;
  if (desc == nullptr) return norm;
  norm.desc = desc;
  norm.squares = pixelSquares(graph, c.inputs.x);
  if (c.inputs.x2) norm.squares2 = pixelSquares(graph, c.inputs.x2);
  const std::uint32_t padded = padChannels(static_cast<std::uint32_t>(desc->gamma.values.size()));
  norm.gamma = floatVector(graph, desc->name + ".gamma", desc->gamma, padded);
  if (!desc->beta.values.empty()) norm.beta = floatVector(graph, desc->name + ".beta", desc->beta, padded);
  norm.modulation = desc->modulation.tensor;
  norm.flags = kHasNorm;
  if (norm.beta) norm.flags |= kHasBeta;
  if (norm.modulation) norm.flags |= kHasModulation;
  return norm;
}

/// What the output transform writes, and reads besides the products.
struct Output {
  Tensor y, squares;
  Weight bias;
  std::uint32_t flags = 0;
};

/// `padded`: tiles that are made, with those that fill up the last workgroup.
Output outputOf(graph::Graph& graph, const Convolution& c, std::uint32_t padded) {
  Output output;
  output.y = graph.tensor(c.out, c.desc.name);
  output.bias = floatVector(graph, c.desc.name + ".bias", c.desc.bias, c.out.stride());
  if (c.desc.pixelSquares) {
    output.squares = graph.tensor({1, 1, c.columns(), static_cast<std::uint32_t>(c.out.pixels()), DataType::F32},
                                  c.desc.name + ".squares");
    graph.setPixelSquares(output.y, output.squares);
    output.flags |= kSquares;
  }
  if (c.inputs.residual) output.flags |= kHasResidual;
  if (c.inputs.laneBias) output.flags |= kHasLaneBias;
  if (c.out.w % kTile == 0 && c.out.h % kTile == 0 && c.tiles.count == padded) output.flags |= kWholeTiles;
  return output;
}

Weight weightOf(graph::Graph& graph, const Convolution& c) {
  return graph.weight(c.desc.name + ".winograd", c.weightBytes(),
                      [w = c.desc.weight, c1 = c.in.c, c2 = c.in2.c, lanes = c.plan.lanes] {
                        return floatBytes(packWinogradWeight(w, c1, c2, lanes));
                      });
}

/// Channels between two stores of a sum, which the compiler orders its loads by: the fewest with which it unrolls all.
std::uint32_t chunkOf(const Convolution& c) {
  constexpr std::uint32_t kMostChunks = 32;
  std::uint32_t chunk = 4;
  while (c.depth / chunk > kMostChunks) chunk *= 2;
  if (c.depth % chunk != 0) throw Error(ErrorCode::Internal, c.desc.name + ": too many inputs for Winograd's products");
  return chunk;
}

void appendKnown(std::vector<Tensor>& list, std::initializer_list<Tensor> tensors) {
  std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(list), [](Tensor t) { return bool(t); });
}

void appendInputConstants(std::vector<std::uint32_t>& constants, const graph::Graph& graph, const Convolution& c,
                          const Norm& norm) {
  const Activation activation = norm.desc ? norm.desc->activation : Activation::None;
  for (const std::uint32_t value :
       {static_cast<std::uint32_t>(c.desc.padding), static_cast<std::uint32_t>(activation), c.in.c, c.in2.c,
        norm.squares ? graph.desc(norm.squares).w : 0, norm.squares2 ? graph.desc(norm.squares2).w : 0}) {
    constants.push_back(value);
  }
}

void appendInputPush(graph::PushConstants& push, const graph::Graph& graph, const Convolution& c, const Norm& norm,
                     Tensor to) {
  push.offset(c.inputs.x).offset(c.inputs.x2).offset(to).offset(norm.squares).offset(norm.squares2);
  push.offset(norm.gamma).offset(norm.beta).offset(norm.modulation);
  push.word(norm.modulation ? graph.desc(norm.modulation).stride() : 0);
  push.word(norm.desc ? norm.desc->modulation.scaleAt : 0).word(norm.desc ? norm.desc->modulation.shiftAt : 0);
}

void appendOutputPush(graph::PushConstants& push, const graph::Graph& graph, const Convolution& c,
                      const Output& output) {
  push.offset(output.y).offset(output.squares).offset(output.bias).offset(c.inputs.residual);
  push.offset(c.inputs.laneBias).word(c.inputs.laneBias ? graph.desc(c.inputs.laneBias).stride() : 0);
  push.word(c.inputs.laneBiasAt);
}

std::uint32_t planeOf(const graph::Graph& graph, Tensor squares) {
  return squares ? graph.desc(squares).stride() : 0;
}

/// What the convolution is, not the quarter of it that is left.
std::uint64_t multiplyAddsOf(const Convolution& c) {
  return c.out.pixels() * c.out.c * c.desc.weight.shape[1] * 9;
}

/// The first pass: returns [1, 36, pitch, depth].
Tensor transformInput(graph::Graph& graph, const Convolution& c, const PassTiles& tiles, const Norm& norm) {
  const Tensor v = graph.tensor({1, kProducts, tiles.pitch, c.depth, DataType::F32}, c.desc.name + ".v");
  const std::uint32_t lanes = c.plan.lanes, groups = tiles.padded / tiles.transformed;
  const std::uint32_t channelGroups = c.depth / (2 * lanes);
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name + ".input";
  dispatch.op = describe(norm.desc ? "winograd rms input" : "winograd input", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd_input"), {tiles.transformed * lanes, lanes, norm.flags}, c.plan.requiredSize};
  std::vector<std::uint32_t>& constants = dispatch.kernel.spec;
  appendInputConstants(constants, graph, c, norm);
  constants.push_back(bitsOf(tiles.transformed));
  constants.push_back(uniformBits(groups, kTransformDigit));
  constants.push_back(uniformBits(channelGroups, kTransformDigit));
  dispatch.groups = {channelGroups, groups, 1};
  identityTable(dispatch.push, 1u << kTransformDigit);
  appendInputPush(dispatch.push, graph, c, norm, v);
  dispatch.push.word(c.size()).word(c.tiles.count).word(tiles.pitch).word(planeOf(graph, norm.squares));
  dispatch.push.real(norm.desc ? norm.desc->epsilon : 0.0f);
  appendKnown(dispatch.reads, {c.inputs.x, c.inputs.x2, norm.squares, norm.squares2, norm.modulation});
  dispatch.writes = {v};
  dispatch.bytes = c.in.bytes() + c.in2.bytes() + graph.desc(v).bytes();
  graph.dispatch(std::move(dispatch));
  return v;
}

/// The second pass: returns [1, 36, pitch, outputs].
Tensor multiply(graph::Graph& graph, const Convolution& c, const PassTiles& tiles, Tensor v) {
  const std::uint32_t lanes = c.plan.lanes, columns = c.columns();
  const std::uint32_t subgroups = tiles.multiplied / kTilesTogether;
  const std::uint32_t groups = tiles.padded / tiles.multiplied / tiles.outer;  // of tiles, along y
  const Tensor m = graph.tensor({1, kProducts, tiles.pitch, c.outputs, DataType::F32}, c.desc.name + ".m");
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name;
  dispatch.op = describe("winograd", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd_multiply"),
      {subgroups * lanes, lanes, c.depth, chunkOf(c), uniformBits(columns, kProductDigit), bitsOf(subgroups),
       uniformBits(kProducts * groups, kProductDigit), uniformBits(tiles.outer, kProductDigit)},
      c.plan.requiredSize};
  dispatch.groups = {columns, kProducts * groups, tiles.outer};  // the longest axis is cut where a budget ends
  identityTable(dispatch.push, 1u << kProductDigit);
  dispatch.push.offset(v).offset(weightOf(graph, c)).offset(m).word(tiles.pitch).word(columns).word(groups);
  dispatch.reads = {v};
  dispatch.writes = {m};
  dispatch.multiplyAdds = multiplyAddsOf(c);
  dispatch.bytes = graph.desc(v).bytes() + c.weightBytes() + graph.desc(m).bytes();
  graph.dispatch(std::move(dispatch));
  return m;
}

/// The last pass: returns `out`.
Tensor transformOutput(graph::Graph& graph, const Convolution& c, const PassTiles& tiles, Tensor m) {
  const std::uint32_t lanes = c.plan.lanes, columns = c.columns();
  const std::uint32_t groups = tiles.padded / tiles.transformed;
  const Output output = outputOf(graph, c, tiles.padded);
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name + ".output";
  dispatch.op = describe("winograd output", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd_output"),
      {tiles.transformed * lanes, lanes, output.flags, static_cast<std::uint32_t>(c.desc.activation), c.out.c,
       bitsOf(tiles.transformed), uniformBits(groups, kTransformDigit), uniformBits(columns, kTransformDigit)},
      c.plan.requiredSize};
  dispatch.groups = {columns, groups, 1};
  identityTable(dispatch.push, 1u << kTransformDigit);
  dispatch.push.offset(m);
  appendOutputPush(dispatch.push, graph, c, output);
  dispatch.push.word(c.size()).word(c.tiles.count).word(tiles.pitch).word(planeOf(graph, output.squares));
  dispatch.push.real(c.desc.outputScale);
  dispatch.reads = {m};
  appendKnown(dispatch.reads, {c.inputs.residual, c.inputs.laneBias});
  appendKnown(dispatch.writes, {output.y, output.squares});
  dispatch.bytes = graph.desc(m).bytes() + c.out.bytes() * (c.inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
  return output.y;
}

/// All three passes in one dispatch, of whose workgroups each takes `together` tiles.
Tensor allPasses(graph::Graph& graph, const Convolution& c, std::uint32_t together, const Norm& norm) {
  const std::uint32_t lanes = c.plan.lanes, subgroups = together * c.columns();
  const std::uint32_t groups = ceilDiv(c.tiles.count, together), pitch = together + 1;
  const Tensor scratch =
      graph.tensor({groups, kProducts, pitch, c.depth + c.outputs, DataType::F32}, c.desc.name + ".scratch");
  const Weight weight = weightOf(graph, c);  // before the bias, as of three dispatches: sizes share weights
  const Output output = outputOf(graph, c, groups * together);
  graph::Dispatch dispatch;
  dispatch.name = c.desc.name;
  dispatch.op = describe(norm.desc ? "winograd rms" : "winograd", c.in, c.in2, c.out);
  dispatch.kernel = {
      graph.shader("ops/winograd"), {subgroups * lanes, lanes, norm.flags | output.flags}, c.plan.requiredSize};
  std::vector<std::uint32_t>& constants = dispatch.kernel.spec;
  appendInputConstants(constants, graph, c, norm);
  for (const std::uint32_t value : {static_cast<std::uint32_t>(c.desc.activation), c.out.c, chunkOf(c),
                                    bitsOf(together), bitsOf(subgroups), uniformBits(groups, kTogetherDigit)}) {
    constants.push_back(value);
  }
  dispatch.groups = {groups, 1, 1};
  identityTable(dispatch.push, 1u << kTogetherDigit);
  appendInputPush(dispatch.push, graph, c, norm, scratch);
  dispatch.push.offset(weight);
  appendOutputPush(dispatch.push, graph, c, output);
  // The planes of what is read and of what is written are of the same size.
  const Tensor squares = norm.squares ? norm.squares : output.squares;
  dispatch.push.word(c.size()).word(c.tiles.count).word(planeOf(graph, squares));
  dispatch.push.real(norm.desc ? norm.desc->epsilon : 0.0f).real(c.desc.outputScale);
  appendKnown(dispatch.reads, {c.inputs.x, c.inputs.x2, norm.squares, norm.squares2, norm.modulation, c.inputs.residual,
                               c.inputs.laneBias});
  dispatch.writes = {scratch};
  appendKnown(dispatch.writes, {output.y, output.squares});
  dispatch.multiplyAdds = multiplyAddsOf(c);
  dispatch.bytes = c.in.bytes() + c.in2.bytes() + 2 * graph.desc(scratch).bytes() + c.weightBytes() +
                   c.out.bytes() * (c.inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
  return output.y;
}

}  // namespace

Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan, const NormDesc* normDesc) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t depth = winogradChannels(in.c, plan.lanes) + winogradChannels(in2.c, plan.lanes);
  const Convolution c{desc, inputs, plan, in, in2, out, tilesOf(out), depth, winogradChannels(out.c, plan.lanes)};
  const Norm norm = normOf(graph, c, normDesc);
  const std::uint32_t together = plan.together ? tilesTogether(graph.caps(), c.tiles, plan.lanes, c.columns()) : 0;
  if (together != 0) return allPasses(graph, c, together, norm);
  const PassTiles tiles = passTilesOf(graph, c.tiles.count, plan.lanes);
  return transformOutput(graph, c, tiles, multiply(graph, c, tiles, transformInput(graph, c, tiles, norm)));
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
