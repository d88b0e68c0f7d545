#include "ops/resample.h"

#include "ops/op_harness.h"
#include "ops/reference/resample.h"

namespace rivulet::test {
namespace {

using Op = graph::Tensor (*)(graph::Graph&, const std::string&, graph::Tensor);
using Reference = Image (*)(const Image&);

class Resample : public GpuVariantTest {
 protected:
  // Values are only moved, so they must be the same.
  void expectMoves(Op op, Reference reference, const std::vector<TensorDesc>& shapes) const {
    for (const TensorDesc& shape : shapes) {
      for (const KernelChoice& choice : kernelChoices(caps())) {
        std::mt19937 random(shape.c);
        TensorDesc desc = shape;
        desc.type = choice.type;
        const Image x = randomImage(random, desc);
        OpHarness harness(caps(), choice.type, choice.asGpu);
        const graph::Tensor y = op(harness.graph, "layer", harness.input(x, "x"));
        harness.run(pipelines(), stream(), {y});
        const Image want = reference(x), have = harness.read(y);
        EXPECT_EQ(have.desc, want.desc);
        EXPECT_EQ(have.values, want.values) << toString(desc) << " " << nameOf(choice);
      }
    }
  }
};

TEST_P(Resample, Nearest) {
  expectMoves(&ops::nearestUpsample2, &reference::nearestUpsample2, {{2, 3, 5, 19}, {1, 8, 8, 32}, {1, 1, 1, 1}});
}

TEST_P(Resample, PixelUnshuffle) {
  expectMoves(&ops::pixelUnshuffle2, &reference::pixelUnshuffle2, {{2, 6, 10, 3}, {1, 8, 8, 8}, {3, 2, 2, 5}});
}

TEST_P(Resample, PixelShuffle) {
  expectMoves(&ops::pixelShuffle2, &reference::pixelShuffle2, {{2, 3, 5, 12}, {1, 8, 8, 32}, {3, 1, 1, 36}});
}

RVL_INSTANTIATE_OP_VARIANTS(Resample);

class ResampleDevice : public GpuTest {};

TEST_F(ResampleDevice, ErrorsNameTheLayerAndTheShapes) {
  OpHarness harness(caps(), DataType::F32, false);
  graph::Graph& g = harness.graph;
  const graph::Tensor odd = g.persistent({1, 4, 7, 6, DataType::F32}, "odd");
  EXPECT_EQ(errorOf([&] { ops::pixelUnshuffle2(g, "unshuffle", odd); }),
            "unshuffle 'unshuffle': its input [1,4,7,6] f32 must have even height and width");
  EXPECT_EQ(errorOf([&] { ops::pixelShuffle2(g, "head", odd); }),
            "shuffle 'head': the channels of its input [1,4,7,6] f32 must be a multiple of 4");
  EXPECT_EQ(errorOf([&] {
              ops::nearestUpsample2(g, "up", g.persistent({1, 1, 1u << 21, 8, DataType::F32}, "wide"));
            }),
            "nearest 'up': a row of [1,1,2097152,8] f32 has more than 8388608 elements");
}

}  // namespace
}  // namespace rivulet::test
