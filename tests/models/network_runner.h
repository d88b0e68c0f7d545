#pragma once
// Evaluates a network on the test device.

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/executable.h"
#include "models/naive_layers.h"
#include "models/network.h"
#include "support/gpu_fixture.h"

namespace rivulet::test {

struct Evaluation {
  std::uint32_t n = 1, h = 0, w = 0;
  std::vector<float> x;             // [n,c,h,w]
  std::vector<float> conditioning;  // [n, conditioning().channels]
};

class NetworkTest : public GpuTest {
 protected:
  /// [n,out,h,w]
  std::vector<float> evaluate(const models::Network& network, DataType storage, const Evaluation& in) const {
    return evaluate(network, caps(), storage, in);
  }
  /// With the kernels of another kind of device.
  std::vector<float> evaluate(const models::Network& network, const vk::DeviceCaps& as, DataType storage,
                              const Evaluation& in) const {
    graph::Graph graph(as, storage);
    const graph::Tensor x = graph.persistent({in.n, in.h, in.w, network.info().inChannels, storage}, "x");
    const graph::Tensor conditioning =
        graph.persistent({in.n, 1, 1, network.conditioning().channels, DataType::F32}, "conditioning");
    const graph::Tensor out = network.build(graph, {x, network.embed(graph, conditioning)});
    graph.keep(out);
    auto weights = graph::WeightBuffer::create(graph, stream(), device(), network.info().name);
    const graph::Executable executable(std::move(graph), pipelines(), std::move(weights), {});
    const auto upload = [&](graph::Tensor tensor, std::span<const float> values) {
      stream().upload(executable.arena(), executable.offset(tensor), graph::packNchw(values, executable.desc(tensor)));
    };
    upload(x, in.x);
    upload(conditioning, in.conditioning);
    const VkCommandBuffer commands = stream().begin("evaluate");
    executable.record(commands, 0, executable.size());
    stream().wait(stream().submit());
    std::vector<std::byte> bytes(executable.desc(out).bytes());
    stream().download(executable.arena(), executable.offset(out), bytes);
    return graph::unpackNchw(bytes, executable.desc(out));
  }
};

/// |found - expected| / |expected|, both over all elements.
template <typename Found, typename Expected>
double relativeL2(const Found& found, const Expected& expected) {
  if (found.size() != expected.size()) return HUGE_VAL;
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double e = static_cast<double>(expected[i]);
    error += (static_cast<double>(found[i]) - e) * (static_cast<double>(found[i]) - e);
    norm += e * e;
  }
  return std::isfinite(error) ? std::sqrt(error / norm) : HUGE_VAL;
}

/// Lane `lane` of a batch [n,c,h,w] as the reference networks take it.
inline Map laneOf(const Evaluation& in, std::uint32_t lane) {
  const std::size_t channels = in.x.size() / in.n / in.h / in.w;
  Map map(channels, in.h, in.w);
  const auto first = in.x.begin() + static_cast<std::ptrdiff_t>(lane * map.v.size());
  map.v.assign(first, first + static_cast<std::ptrdiff_t>(map.v.size()));
  return map;
}

}  // namespace rivulet::test
