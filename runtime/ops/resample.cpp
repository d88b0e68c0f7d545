#include "ops/resample.h"

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

constexpr std::uint64_t kMaxRow = 1u << 21;  // shaders/shared/divide.glsl

enum class Kind : std::uint32_t { Nearest = 0, Unshuffle = 1, Shuffle = 2 };

/// `channels` is C of the shader's list of kinds.
graph::Tensor resample(graph::Graph& graph, const std::string& name, const char* op, Kind kind, graph::Tensor x,
                       const TensorDesc& out, std::uint32_t channels) {
  const TensorDesc in = graph.desc(x);
  if (in.type != graph.storage()) refuse(op, name, "its input " + toString(in) + " is not of the graph's storage type");
  const TensorDesc& walked = kind == Kind::Nearest ? in : out;  // one invocation per quad of it
  const std::uint64_t row = std::uint64_t{walked.w} * (out.stride() / 4);
  if (row > kMaxRow) {
    refuse(op, name, "a row of " + toString(walked) + " has more than " + std::to_string(kMaxRow * 4) + " elements");
  }
  const graph::Tensor y = graph.tensor(out, name);
  graph::Dispatch dispatch;
  dispatch.name = name;
  dispatch.op = std::string(op) + " " + std::to_string(in.c) + "->" + std::to_string(out.c) + " " +
                std::to_string(out.w) + "x" + std::to_string(out.h);
  std::uint32_t local = 64;
  while (graph.caps().isSoftware() && local > 8 && row % local != 0) local /= 2;
  dispatch.groups = {ceilDiv(row, local), loopingGroups(graph, 1, walked.h, 1), out.n};
  const bool exact = row % local == 0 && dispatch.groups[1] == walked.h;
  dispatch.kernel = {graph.shader("ops/resample"), {static_cast<std::uint32_t>(kind), exact ? 1u : 0u, local}};
  dispatch.push.offset(x).offset(y).word(in.h).word(in.w).word(in.stride());
  dispatch.push.word(out.h).word(out.w).word(out.stride() / 4).word(channels).word(dispatch.groups[1]);
  dispatch.reads = {x};
  dispatch.writes = {y};
  dispatch.bytes = in.bytes() + out.bytes();
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace

graph::Tensor nearestUpsample2(graph::Graph& graph, const std::string& name, graph::Tensor x) {
  const TensorDesc in = graph.desc(x);
  return resample(graph, name, "nearest", Kind::Nearest, x, {in.n, in.h * 2, in.w * 2, in.c, in.type}, in.c);
}

graph::Tensor pixelUnshuffle2(graph::Graph& graph, const std::string& name, graph::Tensor x) {
  const TensorDesc in = graph.desc(x);
  if (in.h % 2 != 0 || in.w % 2 != 0) {
    refuse("unshuffle", name, "its input " + toString(in) + " must have even height and width");
  }
  return resample(graph, name, "unshuffle", Kind::Unshuffle, x, {in.n, in.h / 2, in.w / 2, in.c * 4, in.type}, in.c);
}

graph::Tensor pixelShuffle2(graph::Graph& graph, const std::string& name, graph::Tensor x) {
  const TensorDesc in = graph.desc(x);
  if (in.c % 4 != 0) refuse("shuffle", name, "the channels of its input " + toString(in) + " must be a multiple of 4");
  return resample(graph, name, "shuffle", Kind::Shuffle, x, {in.n, in.h * 2, in.w * 2, in.c / 4, in.type}, in.c / 4);
}

}  // namespace rivulet::ops
