#include "ops/linear.h"

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

/// [O,I] to [I/4][O][4], both padded with zeros.
std::vector<float> packWeight(const HostTensor& weight, std::uint32_t inputs, std::uint32_t outputs) {
  std::vector<float> packed(std::size_t{inputs} * outputs, 0.0f);
  const std::uint32_t rows = weight.shape[0], columns = weight.shape[1];
  for (std::uint32_t o = 0; o < rows; ++o) {
    for (std::uint32_t i = 0; i < columns; ++i) {
      packed[(std::size_t{i / 4} * outputs + o) * 4 + i % 4] = weight.values[std::size_t{o} * columns + i];
    }
  }
  return packed;
}

}  // namespace

graph::Tensor linear(graph::Graph& graph, const LinearDesc& desc, graph::Tensor x, graph::Tensor addend) {
  const TensorDesc in = graph.desc(x);
  const HostTensor& w = desc.weight;
  if (w.shape.size() != 2 || w.shape[0] == 0 || w.shape[1] == 0 ||
      w.values.size() != std::size_t{w.shape[0]} * w.shape[1]) {
    refuse("linear", desc.name, "its weight is " + shapeText(w.shape) + ", it must be [O,I]");
  }
  const std::uint32_t outputs = w.shape[0], inputs = w.shape[1];
  if (!desc.bias.values.empty() && desc.bias.values.size() != outputs) {
    refuse("linear", desc.name,
           "its bias has " + std::to_string(desc.bias.values.size()) + " values, its weight is " + shapeText(w.shape));
  }
  if (in.h != 1 || in.w != 1 || in.c != inputs || in.type != DataType::F32) {
    refuse("linear", desc.name,
           "its input is " + toString(in) + ", it must be [N,1,1," + std::to_string(inputs) + "] f32");
  }
  const TensorDesc out{in.n, 1, 1, outputs, DataType::F32};
  if (addend && graph.desc(addend) != out) {
    refuse("linear", desc.name, "the addend is " + toString(graph.desc(addend)) + ", it must be " + toString(out));
  }

  const DataType storage = graph.storage();
  const std::uint32_t paddedIn = in.stride(), paddedOut = out.stride();
  const std::uint64_t weightBytes = std::uint64_t{paddedIn} * paddedOut * sizeOf(storage);
  const graph::Weight weight = graph.weight(desc.name + ".weight", weightBytes, [w, paddedIn, paddedOut, storage] {
    return storageBytes(packWeight(w, paddedIn, paddedOut), storage);
  });
  const graph::Weight bias = floatVector(graph, desc.name + ".bias", desc.bias, paddedOut);
  const graph::Tensor y = graph.tensor(out, desc.name);

  // A software device walks the inputs in one invocation per output. A GPU cuts them into slices: few outputs, and a
  // long chain of loads each, would leave it idle.
  const bool software = graph.caps().isSoftware();
  const std::uint32_t slices = software ? 1 : 8, rows = software ? 4 : 1;
  const std::uint32_t local = software ? 8 : workgroupSize(graph, 256);
  const std::uint32_t batch = std::min(in.n, 4u);
  graph::Dispatch dispatch;
  dispatch.name = desc.name;
  dispatch.op = "linear " + std::to_string(inputs) + "->" + std::to_string(outputs);
  dispatch.kernel = {graph.shader("ops/linear"),
                     {local, slices, static_cast<std::uint32_t>(desc.inputActivation),
                      static_cast<std::uint32_t>(desc.activation), batch, rows}};
  dispatch.groups = {ceilDiv(paddedOut, local / slices * rows), ceilDiv(in.n, batch), 1};
  dispatch.rowsPerGroup = batch;
  dispatch.push.offset(x).offset(y).offset(weight).offset(bias).offset(addend).word(addend ? 1 : 0);
  dispatch.push.word(paddedIn / 4).word(paddedOut).word(in.n);
  dispatch.reads = {x};
  if (addend) dispatch.reads.push_back(addend);
  dispatch.writes = {y};
  dispatch.multiplyAdds = std::uint64_t{in.n} * inputs * outputs;
  dispatch.bytes = in.bytes() + out.bytes() * (addend ? 2 : 1) + weightBytes;
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
