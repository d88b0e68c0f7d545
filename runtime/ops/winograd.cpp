#include "ops/winograd.h"

#include <thread>

#include "ops/matrix_weights.h"
#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

using graph::Tensor;
using graph::Weight;

constexpr std::uint32_t kTile = 4;       // pixels a side
constexpr std::uint32_t kProducts = 36;  // (4 + 3 - 1)^2

// FLAGS of winograd.comp.
enum Flag : std::uint32_t {
  kHasNorm = 1,
  kHasBeta = 2,
  kHasModulation = 4,
  kHasResidual = 8,
  kHasLaneBias = 16,
  kSquares = 32,
  kWholeTiles = 64,
};

/// The image cut into tiles of 4×4 pixels, and those into the blocks that workgroups make.
struct Tiles {
  std::uint32_t wide, high, count, block, blocks;
};

/// Blocks as large as weights like them, which are read once for each: but one of an image for each thread that may
/// work on it; and where a frame's budget must end between workgroups, no more than a processor does in half a
/// millisecond. That costs a fifth of the time of large ones, and with half as much it would be 12 % more.
Tiles tilesOf(const graph::Graph& graph, std::uint32_t depth, const TensorDesc& out) {
  constexpr std::uint32_t kAlignment = 4, kLeast = 8, kMost = 64;
  constexpr std::uint64_t kMostProducts = std::uint64_t{16} * 64 * 64;  // tiles times inputs times outputs
  const auto aligned = [](std::uint32_t tiles) { return ceilDiv(tiles, kAlignment) * kAlignment; };
  const std::uint32_t threads = std::clamp(std::thread::hardware_concurrency(), 2u, 16u);
  const std::uint64_t bound = graph.interruptible() ? kMostProducts / (std::uint64_t{depth} * out.stride()) : kMost;
  const auto most = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(bound, kAlignment, kMost));
  Tiles t{ceilDiv(out.w, kTile), ceilDiv(out.h, kTile), 0, 0, 0};
  t.count = out.n * t.wide * t.high;
  t.block = aligned(std::clamp(t.wide * t.high / threads, std::min(kLeast, most), most));
  t.block = std::max(t.block, aligned(ceilDiv(t.count, graph.caps().maxWorkgroupCount[0])));
  t.blocks = ceilDiv(t.count, t.block);
  return t;
}

std::string describe(const TensorDesc& in, const TensorDesc& in2, const TensorDesc& out, bool norm) {
  return std::string(norm ? "winograd rms 3x3 " : "winograd 3x3 ") + std::to_string(in.c + in2.c) + "->" +
         std::to_string(out.c) + " " + std::to_string(out.w) + "x" + std::to_string(out.h);
}

}  // namespace

Tensor winogradConv2d(graph::Graph& graph, const Conv2dDesc& desc, const Conv2dInputs& inputs, const TensorDesc& out,
                      const Conv2dPlan& plan, const NormDesc* norm) {
  const TensorDesc in = graph.desc(inputs.x);
  const TensorDesc in2 = inputs.x2 ? graph.desc(inputs.x2) : TensorDesc{0, 0, 0, 0, in.type};
  const std::uint32_t depth = in.stride() + in2.stride();
  const MatrixTile tile = winogradTile(depth, out.stride(), plan.lanes);
  const Tiles tiles = tilesOf(graph, depth, out);

  Tensor squares, squares2, modulation;
  Weight gamma, beta;
  if (norm != nullptr) {
    squares = pixelSquares(graph, inputs.x);
    if (inputs.x2) squares2 = pixelSquares(graph, inputs.x2);
    const std::uint32_t padded = padChannels(static_cast<std::uint32_t>(norm->gamma.values.size()));
    gamma = floatVector(graph, norm->name + ".gamma", norm->gamma, padded);
    if (!norm->beta.values.empty()) beta = floatVector(graph, norm->name + ".beta", norm->beta, padded);
    modulation = norm->modulation.tensor;
  }
  const std::uint64_t weightBytes = std::uint64_t{kProducts} * depth * out.stride() * sizeof(float);
  const Weight weight = graph.weight(
      desc.name + ".winograd", weightBytes,
      [w = desc.weight, c1 = in.c, c2 = in2.c, tile] { return floatBytes(packWinogradWeight(w, c1, c2, tile)); });
  const Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, out.stride());
  const Tensor scratch =
      graph.tensor({1, tiles.blocks, kProducts * tiles.block, depth + out.stride(), DataType::F32}, desc.name + ".v");
  const Tensor y = graph.tensor(out, desc.name);
  Tensor squaresOut;
  if (desc.pixelSquares) {
    squaresOut =
        graph.tensor({1, 1, 1, static_cast<std::uint32_t>(out.pixels()), DataType::F32}, desc.name + ".squares");
    graph.setPixelSquares(y, squaresOut);
  }

  std::uint32_t flags = 0;
  if (norm != nullptr) flags |= kHasNorm;
  if (beta) flags |= kHasBeta;
  if (modulation) flags |= kHasModulation;
  if (inputs.residual) flags |= kHasResidual;
  if (inputs.laneBias) flags |= kHasLaneBias;
  if (squaresOut) flags |= kSquares;
  if (out.w % kTile == 0 && out.h % kTile == 0) flags |= kWholeTiles;

  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = describe(in, in2, out, norm != nullptr);
  dispatch.kernel = {
      graph.shader("ops/winograd"),
      {tile.lanes, tile.lanes, flags, static_cast<std::uint32_t>(desc.padding),
       static_cast<std::uint32_t>(norm != nullptr ? norm->activation : Activation::None),
       static_cast<std::uint32_t>(desc.activation), in.c, in2.c, out.c, tile.rows, tile.vectors, tile.depth},
      plan.requiredSize};
  dispatch.groups = {tiles.blocks, 1, 1};
  dispatch.push.offset(inputs.x).offset(inputs.x2).offset(y).offset(scratch);
  dispatch.push.offset(squares).offset(squares2).offset(squaresOut).offset(gamma).offset(beta);
  dispatch.push.offset(modulation).word(modulation ? graph.desc(modulation).stride() : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.scaleAt : 0);
  dispatch.push.word(norm != nullptr ? norm->modulation.shiftAt : 0);
  dispatch.push.offset(weight).offset(bias).offset(inputs.residual).offset(inputs.laneBias);
  dispatch.push.word(inputs.laneBias ? graph.desc(inputs.laneBias).stride() : 0).word(inputs.laneBiasAt);
  dispatch.push.word(in.w | in.h << 16).word(tiles.wide).word(tiles.high).word(tiles.count).word(tiles.block);
  dispatch.push.real(norm != nullptr ? norm->epsilon : 0.0f).real(desc.outputScale);
  for (const Tensor tensor : {inputs.x, inputs.x2, squares, squares2, modulation, inputs.residual, inputs.laneBias}) {
    if (tensor) dispatch.reads.push_back(tensor);
  }
  dispatch.writes = {y, scratch};
  if (squaresOut) dispatch.writes.push_back(squaresOut);
  // What the convolution is, not the quarter of it that is left.
  dispatch.multiplyAdds = out.pixels() * out.c * desc.weight.shape[1] * 9;
  dispatch.bytes = in.bytes() + in2.bytes() + weightBytes + out.bytes() * (inputs.residual ? 2 : 1);
  graph.dispatch(std::move(dispatch));
  return y;
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
