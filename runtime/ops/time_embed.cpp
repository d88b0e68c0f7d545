#include "ops/time_embed.h"

#include <cmath>

#include "ops/op_support.h"

namespace rivulet::ops {
namespace {

constexpr std::uint32_t kLocal = 64;
constexpr std::uint32_t kMaxChannels = 1u << 24;  // channel numbers travel as floats

/// A row of the shader's table.
struct Feature {
  float frequency = 0, inputScale = 0, channel = 0, what = 0;
};
constexpr float kCopy = 1, kSin = 2, kCos = 3;

std::vector<Feature> featureTable(std::span<const TimeEmbedTerm> terms, std::uint32_t copyFirst,
                                  std::uint32_t copyCount) {
  std::vector<Feature> table;
  for (const TimeEmbedTerm& term : terms) {
    const TimeEmbedDesc& desc = term.desc;
    for (int half = 0; half < 2; ++half) {
      const float what = (half == 0) == desc.cosFirst ? kCos : kSin;
      for (std::uint32_t i = 0; i < desc.frequencies; ++i) {
        const double exponent = -std::log(double{desc.maxPeriod}) * i / (desc.frequencies - double{desc.freqShift});
        table.push_back(
            {static_cast<float>(std::exp(exponent)), desc.inputScale, static_cast<float>(term.channel), what});
      }
    }
  }
  for (std::uint32_t i = 0; i < copyCount; ++i) table.push_back({0, 0, static_cast<float>(copyFirst + i), kCopy});
  return table;
}

}  // namespace

graph::Tensor timeEmbed(graph::Graph& graph, const std::string& name, graph::Tensor source,
                        std::span<const TimeEmbedTerm> terms, std::uint32_t copyFirst, std::uint32_t copyCount) {
  const TensorDesc in = graph.desc(source);
  if (in.h != 1 || in.w != 1 || in.type != DataType::F32 || in.c > kMaxChannels) {
    refuse("time_embed", name, "its source is " + toString(in) + ", it must be [N,1,1,M] f32");
  }
  for (const TimeEmbedTerm& term : terms) {
    if (term.channel >= in.c) {
      refuse("time_embed", name,
             "channel " + std::to_string(term.channel) + " is asked for, the source is " + toString(in));
    }
    if (term.desc.frequencies == 0 || double{term.desc.freqShift} >= term.desc.frequencies) {
      refuse("time_embed", name,
             std::to_string(term.desc.frequencies) + " frequencies with a shift of " +
                 std::to_string(term.desc.freqShift) + ": there must be more frequencies than the shift, at least one");
    }
  }
  if (std::uint64_t{copyFirst} + copyCount > in.c) {
    refuse("time_embed", name,
           "channels [" + std::to_string(copyFirst) + ", " + std::to_string(std::uint64_t{copyFirst} + copyCount) +
               ") are to be copied, the source is " + toString(in));
  }
  std::vector<Feature> table = featureTable(terms, copyFirst, copyCount);
  if (table.empty()) refuse("time_embed", name, "there are no terms and no channels to copy");

  const TensorDesc out{in.n, 1, 1, static_cast<std::uint32_t>(table.size()), DataType::F32};
  table.resize(out.stride());
  const std::uint64_t bytes = table.size() * sizeof(Feature);
  const graph::Weight weight = graph.weight(name + ".table", bytes, [table = std::move(table)] {
    std::vector<std::byte> packed(table.size() * sizeof(Feature));
    std::memcpy(packed.data(), table.data(), packed.size());
    return packed;
  });
  const graph::Tensor y = graph.tensor(out, name);
  graph::Dispatch dispatch;
  dispatch.name = name;
  dispatch.op = "time_embed " + std::to_string(out.c);
  dispatch.kernel = {graph.shader("ops/time_embed"), {}};
  dispatch.groups = {ceilDiv(out.stride(), kLocal), in.n, 1};
  dispatch.rowsPerGroup = 1;
  dispatch.push.offset(source).offset(y).offset(weight).word(in.stride()).word(out.stride());
  dispatch.reads = {source};
  dispatch.writes = {y};
  dispatch.bytes = in.bytes() + out.bytes() + bytes;
  graph.dispatch(std::move(dispatch));
  return y;
}

}  // namespace rivulet::ops
