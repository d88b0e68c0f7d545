#include "ops/winograd.h"

#include "ops/op_support.h"
#include "ops/winograd_weights.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

constexpr std::uint32_t kTile = 4;          // pixels a side
constexpr std::uint32_t kProducts = 36;     // (4 + 3 - 1)^2
constexpr std::uint32_t kRowAlignment = 4;  // of WinogradTile::rows
constexpr std::uint32_t kBlock = 256;       // tiles of a workgroup of the products, at most

/// The image cut into tiles of 4×4 pixels.
struct Tiles {
  std::uint32_t wide, high, count, rows;  // rows: count, padded
};

Tiles tilesOf(const TensorDesc& out) {
  Tiles t{ceilDiv(out.w, kTile), ceilDiv(out.h, kTile), 0, 0};
  t.count = out.n * t.wide * t.high;
  t.rows = ceilDiv(t.count, kRowAlignment) * kRowAlignment;
  return t;
}

/// `count` workgroups over two axes.
struct Grid {
  std::uint32_t x, y;
  bool exact;
};

Grid gridOf(const graph::Graph& graph, std::uint64_t count) {
  const auto x = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, graph.caps().maxWorkgroupCount[0]));
  const std::uint32_t y = ceilDiv(count, x);
  return {x, y, std::uint64_t{x} * y == count};
}

std::string sizeText(const TensorDesc& out) {
  return " " + std::to_string(out.w) + "x" + std::to_string(out.h);
}

struct Convolution {
  graph::Graph& graph;
  const Conv2dDesc& desc;
  const Conv2dInputs& inputs;
  const TensorDesc out, in, in2;
  const Tiles tiles;
  const WinogradTile tile;
  const std::uint32_t requiredSize;

  std::uint32_t depth() const { return in.stride() + in2.stride(); }
  std::string name(const char* part) const { return desc.name + "." + part; }

  Tensor transformInput(const NormDesc* norm) const;
  Tensor multiply(Tensor v) const;
  Tensor transformOutput(Tensor m) const;
};

Tensor Convolution::transformInput(const NormDesc* norm) const {
  enum Flag : std::uint32_t {
    kHasX2 = 1,
    kHasNorm = 2,
    kHasBeta = 4,
    kHasModulation = 8,
    kOneTile = 16,
    kExactGrid = 32
  };
  Tensor squares, squares2, modulation;
  Weight gamma, beta;
  if (norm != nullptr) {
    squares = pixelSquares(graph, inputs.x);
    if (inputs.x2) squares2 = pixelSquares(graph, inputs.x2);
    gamma = floatVector(graph, norm->name + ".gamma", norm->gamma, depth());
    if (!norm->beta.values.empty()) beta = floatVector(graph, norm->name + ".beta", norm->beta, depth());
    modulation = norm->modulation.tensor;
  }
  const Tensor v = graph.tensor({1, kProducts, tiles.rows, depth(), DataType::F32}, name("v"));

  const std::uint32_t pairs = depth() / 2;
  const Grid grid = gridOf(graph, std::uint64_t{tiles.rows} * pairs / tile.lanes);
  std::uint32_t flags = 0;
  if (inputs.x2) flags |= kHasX2;
  if (norm != nullptr) flags |= kHasNorm;
  if (beta) flags |= kHasBeta;
  if (modulation) flags |= kHasModulation;
  if (pairs % tile.lanes == 0) flags |= kOneTile;
  if (grid.exact) flags |= kExactGrid;

  graph::Dispatch dispatch;
  dispatch.name = name("input");
  dispatch.op = std::string(norm != nullptr ? "winograd rms input " : "winograd input ") + std::to_string(depth()) +
                sizeText(out);
  dispatch.kernel = {graph.shader("ops/winograd_input"),
                     {tile.lanes, tile.lanes, static_cast<std::uint32_t>(desc.padding), flags,
                      static_cast<std::uint32_t>(norm != nullptr ? norm->activation : Activation::None)},
                     requiredSize};
  dispatch.groups = {grid.x, grid.y, 1};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(v).offset(squares).offset(squares2).offset(gamma).offset(
      beta);
  dispatch.push.offset(modulation).word(modulation ? graph.desc(modulation).stride() : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.scaleAt : 0)
      .word(norm != nullptr ? norm->modulation.shiftAt : 0);
  dispatch.push.word(in.w | in.h << 16).word(tiles.wide).word(tiles.high).word(tiles.count).word(tiles.rows);
  dispatch.push.word(in.stride() / 2).word(in2.stride() / 2).word(in.c).word(in.c + in2.c);
  dispatch.push.real(norm != nullptr ? norm->epsilon : 0.0f).word(grid.x);
  for (const Tensor tensor : {inputs.x, inputs.x2, squares, squares2, modulation}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {v};
  dispatch.bytes = in.bytes() + in2.bytes() + graph.desc(v).bytes();
  graph.dispatch(std::move(dispatch));
  return v;
}

Tensor Convolution::multiply(Tensor v) const {
  const std::uint32_t columns = out.stride() / (tile.lanes * tile.vectors);
  const std::uint64_t weightBytes = std::uint64_t{kProducts} * depth() * out.stride() * sizeof(float);
  const Weight weight = graph.weight(name("winograd"), weightBytes, [w = desc.weight, c1 = in.c, c2 = in2.c, t = tile] {
    return floatBytes(packWinogradWeight(w, c1, c2, t));
  });
  const Tensor m = graph.tensor({1, kProducts, tiles.rows, out.stride(), DataType::F32}, name("m"));
  const std::uint32_t block = std::min(tiles.rows, kBlock);

  for (std::uint32_t first = 0; first < depth(); first += tile.depth) {
    graph::Dispatch dispatch;
    dispatch.name = name("multiply");
    dispatch.op = "winograd multiply " + std::to_string(tile.depth) + "->" + std::to_string(out.c) + sizeText(out);
    dispatch.kernel = {"ops/winograd_multiply.bda",
                       {tile.lanes, tile.lanes, tile.rows, tile.vectors, tile.depth, tile.depth == depth() ? 1u : 0u,
                        first == 0 ? 0u : 1u},
                       requiredSize};
    dispatch.groups = {columns, ceilDiv(tiles.rows, block), kProducts};
    dispatch.push.offset(v).offset(weight).offset(m).word(tiles.rows).word(block).word(depth() / 2);
    dispatch.push.word(out.stride()).word(first / 2).word(columns);
    dispatch.reads = {v};
    if (first != 0) dispatch.reads.push_back(m);
    dispatch.writes = {m};
    // What the convolution is, not the quarter of it that is left.
    const std::uint64_t total = out.pixels() * out.c * desc.weight.shape[1] * 9;
    dispatch.multiplyAdds = total * (first + tile.depth) / depth() - total * first / depth();
    dispatch.bytes = (graph.desc(v).bytes() + weightBytes) * tile.depth / depth() + graph.desc(m).bytes();
    graph.dispatch(std::move(dispatch));
  }
  return m;
}

Tensor Convolution::transformOutput(Tensor m) const {
  enum Flag : std::uint32_t { kHasResidual = 1, kHasLaneBias = 2, kSquares = 4, kWholeTiles = 8, kExactGrid = 16 };
  const Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, out.stride());
  const Tensor y = graph.tensor(out, desc.name);
  Tensor squares;
  if (desc.pixelSquares) {
    squares = graph.tensor({1, 1, 1, static_cast<std::uint32_t>(out.pixels()), DataType::F32}, name("squares"));
    graph.setPixelSquares(y, squares);
  }
  const Grid grid = gridOf(graph, tiles.count);
  std::uint32_t flags = 0;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (squares) flags |= kSquares;
  if (out.w % kTile == 0 && out.h % kTile == 0) flags |= kWholeTiles;
  if (grid.exact) flags |= kExactGrid;

  graph::Dispatch dispatch;
  dispatch.name = name("output");
  dispatch.op = "winograd output " + std::to_string(out.c) + sizeText(out);
  dispatch.kernel = {graph.shader("ops/winograd_output"),
                     {tile.lanes, tile.lanes, flags, static_cast<std::uint32_t>(desc.activation), out.stride() / 2},
                     requiredSize};
  dispatch.groups = {grid.x, grid.y, 1};
  dispatch.push.offset(m).offset(y).offset(bias).offset(inputs.residual).offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0).word(inputs.laneBiasAt);
  dispatch.push.offset(squares).word(out.w | out.h << 16).word(tiles.wide).word(tiles.high).word(tiles.count);
  dispatch.push.word(tiles.rows).word(out.c).real(desc.outputScale).word(grid.x);
  dispatch.reads = {m};
  if (inputs.residual) dispatch.reads.push_back(inputs.residual);
  if (inputs.laneBias) dispatch.reads.push_back(inputs.laneBias);
  dispatch.writes = {y};
  if (squares) dispatch.writes.push_back(squares);
  dispatch.bytes = graph.desc(m).bytes() + out.bytes() * (inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace

Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan, const NormDesc* norm) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const WinogradTile tile = winogradTile(in.stride() + in2.stride(), out.stride(), plan.lanes);
  const Convolution convolution{graph, desc, inputs, out, in, in2, tilesOf(out), tile, plan.requiredSize};
  return convolution.transformOutput(convolution.multiply(convolution.transformInput(norm)));
}

Tensor pixelSquares(graph::Graph& graph, Tensor x) {
  if (const Tensor known = graph.pixelSquares(x)) return known;
  constexpr std::uint32_t kLocal = 8;
  const TensorDesc desc = graph.desc(x);
  const auto pixels = static_cast<std::uint32_t>(desc.pixels());
  const Tensor squares = graph.tensor({1, 1, 1, pixels, DataType::F32}, graph.name(x) + ".squares");
  graph::Dispatch dispatch;
  dispatch.name = graph.name(x) + ".squares";
  dispatch.op = "pixel squares " + std::to_string(desc.c) + sizeText(desc);
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
