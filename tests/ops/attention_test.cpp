#include "ops/attention.h"

#include "ops/op_harness.h"
#include "ops/reference/attention.h"

namespace rivulet::test {
namespace {

struct Case {
  std::uint32_t n, h, w, heads, headDim;
  float spread = 1.0f;  // of q: large values make the softmax a choice of one key
};

const std::vector<Case> kCases = {
    {1, 4, 4, 4, 8},  {2, 5, 7, 1, 64}, {1, 3, 3, 3, 6},  // heads that do not start at a quad
    {1, 1, 1, 2, 16}, {2, 3, 5, 1, 20}, {1, 5, 5, 1, 130}, {1, 16, 17, 2, 8, 30.0f}, {1, 9, 1, 5, 1},
};

std::string describe(const Case& c) {
  return "[" + std::to_string(c.n) + "," + std::to_string(c.h) + "," + std::to_string(c.w) + "] " +
         std::to_string(c.heads) + " heads of " + std::to_string(c.headDim);
}

float toleranceOf(DataType type) {
  return type == DataType::F32 ? 2e-5f : 1.5e-3f;
}

class Attention : public GpuVariantTest {};  // on every device
class AttentionDevice : public GpuTest {};   // on the device as it is

TEST_P(Attention, MatchesReference) {
  for (const Case& c : kCases) {
    for (const KernelChoice& choice : kernelChoices(caps())) {
      // A GPU's kernel has no broadcasts: a software driver compiles its many loads for seconds.
      if (choice.asGpu && (choice.type == DataType::F16 || !caps().bufferDeviceAddress || c.headDim > 20)) continue;
      std::mt19937 random(c.headDim);
      const TensorDesc desc{c.n, c.h, c.w, c.heads * c.headDim, choice.type};
      const float scale = 1.0f / std::sqrt(static_cast<float>(c.headDim));
      const Image q = randomImage(random, desc, c.spread), k = randomImage(random, desc), v = randomImage(random, desc);
      OpHarness harness(caps(), choice.type, choice.asGpu);
      const graph::Tensor y = ops::attention(harness.graph, "mix", harness.input(q, "q"), harness.input(k, "k"),
                                             harness.input(v, "v"), c.heads, scale);
      harness.run(pipelines(), stream(), {y});
      // A score of s is off by s * 2^-24, and a weight by as much of itself.
      const float tolerance = toleranceOf(choice.type) * std::max(1.0f, c.spread / 4);
      expectClose(harness.read(y), reference::attention(q, k, v, c.heads, scale), tolerance, tolerance,
                  describe(c) + " " + nameOf(choice));
    }
  }
}

RVL_INSTANTIATE_OP_VARIANTS(Attention);

// Scores of thousands: exp would overflow without the running maximum; and -infinity must not meet itself.
TEST_F(AttentionDevice, HugeScoresStayFinite) {
  std::mt19937 random(1);
  const TensorDesc desc{1, 5, 5, 8, DataType::F32};
  const Image q = randomImage(random, desc, 300.0f), k = randomImage(random, desc, 300.0f),
              v = randomImage(random, desc);
  OpHarness harness(caps(), DataType::F32, false);
  const graph::Tensor y = ops::attention(harness.graph, "mix", harness.input(q, "q"), harness.input(k, "k"),
                                         harness.input(v, "v"), 1, 1.0f);
  harness.run(pipelines(), stream(), {y});
  // Scores near 10^6 are exact to a tenth only: each result is one of the values, or between the two best.
  const Image result = harness.read(y);
  for (const float value : result.values) EXPECT_TRUE(std::isfinite(value) && std::abs(value) < 10.0f) << value;
}

TEST_F(AttentionDevice, EveryImageOfABatchIsOnItsOwnAndRepeats) {
  for (const KernelChoice& choice : kernelChoices(caps())) {
    std::mt19937 random(2);
    const TensorDesc desc{3, 4, 5, 24, choice.type};
    const Image q = randomImage(random, desc), k = randomImage(random, desc), v = randomImage(random, desc);
    OpHarness harness(caps(), choice.type, choice.asGpu);
    const graph::Tensor y = ops::attention(harness.graph, "mix", harness.input(q, "q"), harness.input(k, "k"),
                                           harness.input(v, "v"), 3, 0.3f);
    harness.run(pipelines(), stream(), {y});
    const std::vector<std::byte> whole = harness.bytes(y);
    harness.rerun();
    EXPECT_EQ(harness.bytes(y), whole);
    for (std::uint32_t n = 0; n < desc.n; ++n) {
      const auto lane = [&](const Image& image) { return laneOf(image, n); };
      OpHarness alone(caps(), choice.type, choice.asGpu);
      const graph::Tensor one = ops::attention(alone.graph, "mix", alone.input(lane(q), "q"), alone.input(lane(k), "k"),
                                               alone.input(lane(v), "v"), 3, 0.3f);
      alone.run(pipelines(), stream(), {one});
      const std::vector<std::byte> bytes = alone.bytes(one);
      EXPECT_EQ(std::memcmp(bytes.data(), whole.data() + n * bytes.size(), bytes.size()), 0) << nameOf(choice);
    }
  }
}

TEST_F(AttentionDevice, ErrorsNameTheLayerAndTheShapes) {
  OpHarness harness(caps(), DataType::F32, false);
  graph::Graph& g = harness.graph;
  const graph::Tensor a = g.persistent({1, 4, 4, 16, DataType::F32}, "a"),
                      b = g.persistent({1, 4, 5, 16, DataType::F32}, "b");
  EXPECT_EQ(
      errorOf([&] { ops::attention(g, "mid.attn", a, b, a, 2, 1.0f); }),
      "attention 'mid.attn': q, k and v are [1,4,4,16] f32, [1,4,5,16] f32 and [1,4,4,16] f32, they must be alike");
  EXPECT_EQ(errorOf([&] { ops::attention(g, "mid.attn", a, a, a, 3, 1.0f); }),
            "attention 'mid.attn': 3 heads for [1,4,4,16] f32: they must divide the channels into at most 1024 each");
}

}  // namespace
}  // namespace rivulet::test
