#include "ops/elementwise.h"

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

/// The kernel for a tensor's own type: embeddings are float in an fp16 graph too.
std::string shaderFor(const graph::Graph& graph, DataType type) {
  std::string name = graph.shader("ops/elementwise");
  if (graph.storage() == DataType::F16 && type == DataType::F32) name.replace(name.find(".f16"), 4, ".f32");
  return name;
}

}  // namespace

graph::Tensor elementwise(graph::Graph& graph, const std::string& name, graph::Tensor a, graph::Tensor b, float scale,
                          Activation activation) {
  const TensorDesc desc = graph.desc(a);
  if (desc.type == DataType::F16 && graph.storage() != DataType::F16) {
    refuse("elementwise", name, "its input " + toString(desc) + " is not of the graph's storage type");
  }
  if (b && graph.desc(b) != desc) {
    refuse("elementwise", name,
           "the inputs are " + toString(desc) + " and " + toString(graph.desc(b)) + ", they must be alike");
  }
  const graph::Tensor y = graph.tensor(desc, name);
  const std::uint64_t quads = desc.elements() / 4;
  graph::Dispatch dispatch;
  dispatch.name = name;
  dispatch.op = "elementwise " + toString(desc);
  std::uint32_t local = 64;
  while (graph.caps().isSoftware() && local > 8 && quads % local != 0) local /= 2;
  dispatch.groups = {loopingGroups(graph, 0, quads, local), 1, 1};
  const bool exact = std::uint64_t{dispatch.groups[0]} * local == quads;
  dispatch.kernel = {shaderFor(graph, desc.type),
                     {static_cast<std::uint32_t>(activation), exact ? 1u : 0u, b ? 1u : 0u, local}};
  dispatch.push.offset(a)
      .offset(b)
      .offset(y)
      .word(static_cast<std::uint32_t>(quads))
      .real(scale)
      .word(dispatch.groups[0]);
  dispatch.reads = {a};
  if (b) dispatch.reads.push_back(b);
  dispatch.writes = {y};
  dispatch.multiplyAdds = desc.pixels() * desc.c;
  dispatch.bytes = desc.bytes() * (b ? 3 : 2);
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
