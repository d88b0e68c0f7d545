#include "ops/attention.h"

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kMaxHeadDim = 1024;
constexpr float kLog2E = 1.44269504088896340736f;

/// How a head's work is cut: see shaders/ops/attention.comp.
struct Shape {
  bool subgroup = false, keepQuery = false;
  std::uint32_t local = 64, sliceQuads = 1, queries = 1;
};

Shape shapeFor(const graph::Graph& graph, std::uint32_t headDim, std::uint32_t tokens) {
  const vk::DeviceCaps& caps = graph.caps();
  const bool software = caps.isSoftware();
  Shape shape;
  const std::uint32_t quads = ceilDiv(headDim, 4);
  // Broadcasts need subgroups that are whole: workgroups of a multiple of their size, whatever size the driver chooses.
  shape.subgroup = software && caps.subgroupBallot && caps.minSubgroupSize >= 8;
  shape.local = software ? std::max(caps.maxSubgroupSize, 8u) : 64;
  // What is unrolled costs registers, which a GPU has few of and a software device spills cheaply; and on the latter
  // time to compile, the more where accesses are not through pointers to float, or not shared by a broadcast.
  const bool cheap = software && caps.bufferDeviceAddress && graph.storage() == DataType::F32;
  std::uint32_t widest = 16;
  if (software) widest = cheap ? (shape.subgroup ? 32 : 8) : (shape.subgroup ? 8 : 2);
  shape.sliceQuads = ceilDiv(quads, ceilDiv(quads, widest));
  shape.keepQuery = quads <= std::min(widest, 16u);
  // Several queries share what is loaded, as far as registers go and enough invocations are left.
  if (software && quads <= 4 && tokens >= shape.local * 16) shape.queries = 2;
  return shape;
}

}  // namespace

graph::Tensor attention(graph::Graph& graph, const std::string& name, graph::Tensor q, graph::Tensor k, graph::Tensor v,
                        std::uint32_t heads, float scale) {
  const TensorDesc desc = graph.desc(q);
  if (graph.desc(k) != desc || graph.desc(v) != desc) {
    refuse("attention", name,
           "q, k and v are " + toString(desc) + ", " + toString(graph.desc(k)) + " and " + toString(graph.desc(v)) +
               ", they must be alike");
  }
  if (desc.type != graph.storage()) {
    refuse("attention", name, "its inputs " + toString(desc) + " are not of the graph's storage type");
  }
  if (heads == 0 || desc.c % heads != 0 || desc.c / heads > kMaxHeadDim) {
    refuse("attention", name,
           std::to_string(heads) + " heads for " + toString(desc) + ": they must divide the channels into at most " +
               std::to_string(kMaxHeadDim) + " each");
  }
  const std::uint32_t tokens = desc.h * desc.w, headDim = desc.c / heads;
  const Shape shape = shapeFor(graph, headDim, tokens);
  const graph::Tensor y = graph.tensor(desc, name);

  graph::Dispatch dispatch;
  dispatch.name = name;
  dispatch.op = "attention " + std::to_string(heads) + "x" + std::to_string(headDim) + " " + std::to_string(desc.w) +
                "x" + std::to_string(desc.h);
  dispatch.kernel = {graph.shader(shape.subgroup ? "ops/attention.subgroup" : "ops/attention"),
                     {shape.local, headDim, shape.sliceQuads, shape.queries, shape.keepQuery ? 1u : 0u}};
  dispatch.groups = {ceilDiv(tokens, shape.local * shape.queries),
                     heads * ceilDiv(ceilDiv(headDim, 4), shape.sliceQuads), desc.n};
  dispatch.push.offset(q).offset(k).offset(v).offset(y).word(tokens).word(desc.c).word(heads).real(scale * kLog2E);
  dispatch.reads = {q, k, v};
  dispatch.writes = {y};
  dispatch.multiplyAdds = std::uint64_t{desc.n} * tokens * tokens * desc.c * 2;
  dispatch.bytes = desc.bytes() * 4;
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
