#include "ops/linear.h"

#include "ops/op_harness.h"
#include "ops/reference/linear.h"

namespace rivulet::test {
namespace {

using ops::Activation;

struct Case {
  std::uint32_t n, inputs, outputs;
  bool bias, addend;
  Activation inputActivation, activation;
};
constexpr Activation kNone = Activation::None, kSilu = Activation::Silu;
const std::vector<Case> kCases = {
    {1, 128, 128, true, false, kNone, kSilu}, {3, 74, 33, true, true, kNone, kNone},
    {1, 1, 1, true, false, kNone, kNone},     {6, 5, 259, false, true, kSilu, kSilu},
    {2, 17, 8, false, false, kSilu, kNone},
};

class Linear : public GpuVariantTest {};  // on every device
class LinearDevice : public GpuTest {};   // on the device as it is

TEST_P(Linear, MatchesReference) {
  for (const Case& c : kCases) {
    for (const KernelChoice& choice : kernelChoices(caps())) {
      std::mt19937 random(c.inputs);
      const Image x = randomImage(random, {c.n, 1, 1, c.inputs, DataType::F32});
      const Image addend = randomImage(random, {c.n, 1, 1, c.outputs, DataType::F32});
      ops::LinearDesc desc;
      desc.name = "emb";
      desc.weight = randomTensor(random, {c.outputs, c.inputs}, 1.0f / std::sqrt(static_cast<float>(c.inputs)));
      if (choice.type == DataType::F16) {
        for (float& w : desc.weight.values) w = halfToFloat(floatToHalf(w));
      }
      if (c.bias) desc.bias = randomTensor(random, {c.outputs});
      desc.inputActivation = c.inputActivation;
      desc.activation = c.activation;
      OpHarness harness(caps(), choice.type, choice.asGpu);
      const graph::Tensor in = harness.input(x, "x");
      const graph::Tensor add = c.addend ? harness.input(addend, "addend") : graph::Tensor{};
      const graph::Tensor y = ops::linear(harness.graph, desc, in, add);
      harness.run(pipelines(), stream(), {y});
      // The vectors are float in either storage type, and the weights are what the reference has.
      expectClose(harness.read(y), reference::linear(desc, x, c.addend ? &addend : nullptr), 1e-5f, 1e-5f,
                  std::to_string(c.n) + " x " + std::to_string(c.inputs) + "->" + std::to_string(c.outputs) + " " +
                      nameOf(choice));
    }
  }
}

RVL_INSTANTIATE_OP_VARIANTS(Linear);

TEST_F(LinearDevice, EveryLaneIsOnItsOwnAndRepeats) {
  for (const KernelChoice& choice : kernelChoices(caps())) {
    std::mt19937 random(9);
    const Image x = randomImage(random, {6, 1, 1, 50, DataType::F32});
    ops::LinearDesc desc;
    desc.name = "emb";
    desc.weight = randomTensor(random, {40, 50});
    const auto run = [&](const Image& image) {
      OpHarness harness(caps(), choice.type, choice.asGpu);
      const graph::Tensor y = ops::linear(harness.graph, desc, harness.input(image, "x"));
      harness.run(pipelines(), stream(), {y});
      const std::vector<std::byte> bytes = harness.bytes(y);
      harness.rerun();
      EXPECT_EQ(harness.bytes(y), bytes) << nameOf(choice);
      return bytes;
    };
    const std::vector<std::byte> whole = run(x);
    for (std::uint32_t n = 0; n < 6; ++n) {
      const std::vector<std::byte> one = run(laneOf(x, n));
      EXPECT_EQ(std::memcmp(one.data(), whole.data() + n * one.size(), one.size()), 0) << nameOf(choice);
    }
  }
}

TEST_F(LinearDevice, ErrorsNameTheLayerAndTheShapes) {
  const auto message =
      [&](const std::function<void(ops::LinearDesc&, graph::Graph&, graph::Tensor&, graph::Tensor&)>& change) {
        std::mt19937 random(1);
        OpHarness harness(caps(), DataType::F32, false);
        ops::LinearDesc desc;
        desc.name = "emb.in";
        desc.weight = randomTensor(random, {4, 6});
        graph::Tensor x = harness.graph.persistent({2, 1, 1, 6, DataType::F32}, "x"), addend;
        change(desc, harness.graph, x, addend);
        return errorOf([&] { ops::linear(harness.graph, desc, x, addend); });
      };
  EXPECT_EQ(message([](auto& desc, auto&, auto&, auto&) { desc.weight.shape = {24}; }),
            "linear 'emb.in': its weight is [24], it must be [O,I]");
  EXPECT_EQ(message([](auto& desc, auto&, auto&, auto&) {
              desc.bias.values = {1, 2, 3};
            }),
            "linear 'emb.in': its bias has 3 values, its weight is [4,6]");
  EXPECT_EQ(message([](auto&, auto& g, auto& x, auto&) {
              x = g.persistent({2, 1, 1, 7, DataType::F32}, "y");
            }),
            "linear 'emb.in': its input is [2,1,1,7] f32, it must be [N,1,1,6] f32");
  EXPECT_EQ(message([](auto&, auto& g, auto&, auto& addend) {
              addend = g.persistent({1, 1, 1, 4, DataType::F32}, "y");
            }),
            "linear 'emb.in': the addend is [1,1,1,4] f32, it must be [2,1,1,4] f32");
}

}  // namespace
}  // namespace rivulet::test
