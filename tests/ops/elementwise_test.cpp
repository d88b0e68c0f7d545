#include "ops/elementwise.h"

#include "ops/op_harness.h"
#include "ops/reference/norm.h"  // activate

namespace rivulet::test {
namespace {

using ops::Activation;

class Elementwise : public GpuVariantTest {};

TEST_P(Elementwise, MatchesReference) {
  struct Case {
    TensorDesc desc;
    bool embedding;  // stays float in an fp16 graph
    bool sum;
    float scale;
    Activation activation;
  };
  const std::vector<Case> cases = {
      {{2, 5, 7, 19}, false, true, 0.5f, Activation::Silu},
      {{1, 8, 8, 32}, false, false, 1.0f, Activation::Silu},
      {{3, 1, 1, 33}, true, true, 1.0f, Activation::None},
      {{1, 1, 1, 1}, false, false, -3.0f, Activation::None},
  };
  for (const Case& c : cases) {
    for (const KernelChoice& choice : kernelChoices(caps())) {
      std::mt19937 random(c.desc.c);
      TensorDesc desc = c.desc;
      desc.type = c.embedding ? DataType::F32 : choice.type;
      const Image a = randomImage(random, desc, 3.0f), b = randomImage(random, desc);
      OpHarness harness(caps(), choice.type, choice.asGpu);
      const graph::Tensor x = harness.input(a, "a");
      const graph::Tensor second = c.sum ? harness.input(b, "b") : graph::Tensor{};
      const graph::Tensor y = ops::elementwise(harness.graph, "sum", x, second, c.scale, c.activation);
      harness.run(pipelines(), stream(), {y});
      Image want = makeImage(desc);
      for (std::size_t i = 0; i < want.values.size(); ++i) {
        const double v = double{a.values[i]} * c.scale + (c.sum ? double{b.values[i]} : 0.0);
        want.values[i] = static_cast<float>(reference::activate(c.activation, v));
      }
      const float tolerance = desc.type == DataType::F32 ? 2e-6f : 1e-3f;
      expectClose(harness.read(y), want, tolerance, tolerance, toString(desc) + " " + nameOf(choice));
      const std::vector<std::byte> bytes = harness.bytes(y);
      harness.rerun();
      EXPECT_EQ(harness.bytes(y), bytes);
    }
  }
}

RVL_INSTANTIATE_OP_VARIANTS(Elementwise);

class ElementwiseDevice : public GpuTest {};

TEST_F(ElementwiseDevice, ErrorsNameTheLayerAndTheShapes) {
  OpHarness harness(caps(), DataType::F32, false);
  graph::Graph& g = harness.graph;
  const graph::Tensor a = g.persistent({1, 4, 4, 8, DataType::F32}, "a"),
                      b = g.persistent({1, 4, 4, 9, DataType::F32}, "b");
  EXPECT_EQ(errorOf([&] { ops::elementwise(g, "sum", a, b); }),
            "elementwise 'sum': the inputs are [1,4,4,8] f32 and [1,4,4,9] f32, they must be alike");
  EXPECT_EQ(errorOf([&] {
              ops::elementwise(g, "sum", g.persistent({1, 4, 4, 8, DataType::F16}, "half"));
            }),
            "elementwise 'sum': its input [1,4,4,8] f16 is not of the graph's storage type");
}

}  // namespace
}  // namespace rivulet::test
