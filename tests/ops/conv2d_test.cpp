#include "ops/conv2d.h"

#include "ops/conv2d_plan.h"
#include "ops/op_harness.h"
#include "ops/reference/conv2d.h"

namespace rivulet::test {
namespace {

using ops::Activation;
using ops::Conv2dDesc;
using ops::Padding;

enum Feature : std::uint32_t {
  kPrologue = 1,
  kPixelScale = 2,
  kInputSilu = 4,
  kResidual = 8,
  kLaneBias = 16,
  kBias = 32,
  kSilu = 64,
  kScaled = 128,
};

struct Case {
  std::uint32_t n, h, w, c1, c2, o, kernel, stride;
  Padding padding = Padding::Circular;
  std::uint32_t features = 0;
};

std::string describe(const Case& c) {
  return "[" + std::to_string(c.n) + "," + std::to_string(c.h) + "," + std::to_string(c.w) + "," +
         std::to_string(c.c1) + "+" + std::to_string(c.c2) + "] -> " + std::to_string(c.o) + ", kernel " +
         std::to_string(c.kernel) + " stride " + std::to_string(c.stride) + " padding " +
         std::to_string(static_cast<int>(c.padding)) + " features " + std::to_string(c.features);
}

/// A case with its inputs in a harness and its dispatch in the graph.
struct Convolution {
  Convolution(const vk::DeviceCaps& caps, const Case& c, const KernelChoice& choice, std::uint32_t seed)
      : random(seed), harness(caps, choice.type, choice.asGpu) {
    const std::uint32_t channels = c.c1 + c.c2;
    const auto has = [&](Feature feature) { return (c.features & feature) != 0; };
    const auto tensor = [&](Image& image, const TensorDesc& shape, const char* name, float deviation, float mean) {
      image = randomImage(random, shape, deviation, mean);
      return harness.input(image, name);
    };
    desc.name = "layer";
    desc.stride = c.stride;
    desc.padding = c.padding;
    const float fan = static_cast<float>(channels * c.kernel * c.kernel);
    desc.weight = randomTensor(random, {c.o, channels, c.kernel, c.kernel}, 1.0f / std::sqrt(fan));
    if (has(kBias)) desc.bias = randomTensor(random, {c.o});
    if (has(kSilu)) desc.activation = Activation::Silu;
    if (has(kScaled)) desc.outputScale = 0.7f;

    ops::Conv2dInputs inputs;
    inputs.x = tensor(x, {c.n, c.h, c.w, c.c1, choice.type}, "x", 1.0f, 0.0f);
    expected.x = &x;
    if (c.c2 != 0) {
      inputs.x2 = tensor(x2, {c.n, c.h, c.w, c.c2, choice.type}, "x2", 1.0f, 0.0f);
      expected.x2 = &x2;
    }
    if (has(kPrologue)) {
      ops::Prologue prologue;
      prologue.scale = tensor(scale, {c.n, 1, 1, channels, DataType::F32}, "scale", 0.3f, 1.0f);
      prologue.shift = tensor(shift, {c.n, 1, 1, channels, DataType::F32}, "shift", 0.5f, 0.0f);
      expected.scale = &scale;
      expected.shift = &shift;
      if (has(kPixelScale)) {
        // A plane without padding: its channels lie one behind another.
        pixelScale = randomImage(random, {c.n, c.h, c.w, 1, DataType::F32}, 0.2f, 1.0f);
        prologue.pixelScale =
            harness.input({1, 1, 1, c.n * c.h * c.w, DataType::F32}, plane(pixelScale), "pixel scale");
        expected.pixelScale = &pixelScale;
      }
      if (has(kInputSilu)) prologue.activation = expected.activation = Activation::Silu;
      inputs.prologue = prologue;
    }
    if (has(kLaneBias)) {
      inputs.laneBias = tensor(laneBias, {c.n, 1, 1, c.o + 9, DataType::F32}, "lane bias", 1.0f, 0.0f);
      inputs.laneBiasAt = expected.laneBiasAt = 5;
      expected.laneBias = &laneBias;
    }
    if (has(kResidual)) {
      const bool after = c.padding == Padding::ZeroAfter && c.kernel == 3;
      const auto size = [&](std::uint32_t s) { return after ? s / 2 : (s + c.stride - 1) / c.stride; };
      inputs.residual = tensor(residual, {c.n, size(c.h), size(c.w), c.o, choice.type}, "residual", 1.0f, 0.0f);
      expected.residual = &residual;
    }
    y = ops::conv2d(harness.graph, desc, inputs);
  }

  static std::vector<std::byte> plane(const Image& image) {
    std::vector<float> values = image.values;
    values.resize(padChannels(static_cast<std::uint32_t>(values.size())));
    std::vector<std::byte> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  Image reference() const { return reference::conv2d(desc, expected, harness.graph.desc(y)); }

  std::mt19937 random;
  OpHarness harness;
  Image x, x2, scale, shift, pixelScale, laneBias, residual;
  Conv2dDesc desc;
  reference::ConvInputs expected;
  graph::Tensor y;
};

// Results are of the order of 1. fp32: sums of up to a thousand terms in another order. fp16: inputs and weights are
// the same halves on both sides, sums are fp32, and the result is rounded to 11 bits.
float toleranceOf(DataType type) {
  return type == DataType::F32 ? 2e-5f : 1e-3f;
}

constexpr Padding kCircular = Padding::Circular, kZero = Padding::Zero, kAfter = Padding::ZeroAfter,
                  kEdge = Padding::Edge;
constexpr std::uint32_t kEverything =
    kPrologue | kPixelScale | kInputSilu | kResidual | kLaneBias | kBias | kSilu | kScaled;

const std::vector<Case> kCases = {
    // What the networks are made of.
    {1, 16, 16, 32, 0, 32, 3, 1, kCircular, kBias},
    {1, 8, 8, 64, 0, 96, 3, 2, kCircular, kBias},
    {1, 16, 16, 32, 32, 32, 3, 1, kCircular, kBias | kResidual},
    {2, 8, 8, 96, 0, 64, 1, 1, kCircular, kBias},
    {1, 16, 16, 8, 3, 16, 3, 1, kCircular, kBias | kSilu},
    {1, 16, 16, 16, 0, 3, 3, 1, kCircular, kBias},
    // Odd sizes, odd channels, every padding and stride.
    {2, 7, 5, 19, 0, 13, 3, 1, kCircular, kBias},
    {2, 7, 5, 19, 0, 13, 3, 1, kZero, kBias},
    {2, 7, 5, 19, 0, 13, 3, 1, kEdge, kBias},
    {1, 9, 13, 12, 5, 24, 3, 2, kCircular, 0},
    {1, 9, 13, 12, 5, 24, 3, 2, kEdge, kBias},
    {1, 1, 1, 3, 0, 5, 3, 1, kEdge, kBias},
    {1, 9, 13, 12, 5, 24, 3, 2, kZero, kLaneBias},
    {3, 9, 14, 8, 0, 40, 3, 2, kAfter, kBias},
    {1, 10, 11, 24, 3, 7, 3, 2, kAfter, kBias | kResidual},
    {2, 5, 6, 17, 0, 33, 1, 1, kCircular, kBias | kScaled},
    {1, 5, 7, 9, 0, 8, 1, 2, kZero, kResidual},
    {1, 1, 1, 3, 0, 5, 3, 1, kCircular, kBias},
    {1, 1, 1, 3, 0, 5, 3, 1, kZero, kBias},
    {2, 2, 3, 8, 8, 8, 3, 1, kCircular, 0},
    {1, 2, 2, 11, 0, 72, 3, 2, kAfter, 0},
    {1, 1, 19, 8, 0, 16, 3, 1, kZero, kSilu},
    {1, 17, 1, 8, 0, 16, 3, 2, kCircular, 0},
    // Everything that is fused, alone and together.
    {2, 6, 9, 12, 0, 20, 3, 1, kCircular, kPrologue},
    {2, 6, 9, 12, 7, 20, 3, 1, kZero, kPrologue | kInputSilu},
    {2, 6, 9, 12, 7, 20, 3, 1, kCircular, kPrologue | kPixelScale | kInputSilu},
    {2, 6, 9, 12, 0, 20, 3, 1, kZero, kLaneBias | kSilu},
    {2, 9, 9, 21, 14, 11, 3, 1, kCircular, kEverything},
    {2, 9, 9, 21, 14, 11, 3, 1, kZero, kEverything},
    {2, 9, 9, 21, 14, 11, 3, 1, kEdge, kEverything},
    {2, 9, 10, 21, 14, 11, 3, 2, kAfter, kEverything},
    {2, 9, 9, 21, 14, 11, 3, 2, kCircular, kEverything},
    {2, 9, 9, 21, 14, 11, 1, 1, kCircular, kEverything},
};

class Conv2d : public GpuVariantTest {};

TEST_P(Conv2d, MatchesTheReference) {
  // Software devices take long to compile kernels, those that read through descriptors about a second each: there every
  // kernel takes its third of the cases.
  const std::size_t step = caps().isSoftware() ? 3 : 1;
  std::size_t first = 0;
  for (const KernelChoice& choice : kernelChoices(caps())) {
    for (std::size_t i = first++ % step; i < kCases.size(); i += step) {
      const Case& c = kCases[i];
      SCOPED_TRACE(describe(c) + " " + nameOf(choice));
      Convolution setup(caps(), c, choice, 1);
      setup.harness.run(pipelines(), stream(), {setup.y});
      const float tolerance = toleranceOf(choice.type);
      expectClose(setup.harness.read(setup.y), setup.reference(), tolerance, tolerance, "conv2d");
    }
  }
}

TEST_P(Conv2d, RandomShapes) {
  std::mt19937 random(7);
  const auto pick = [&](std::uint32_t from, std::uint32_t to) {
    return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
  };
  for (int i = 0; i < 12; ++i) {
    Case c{pick(1, 3),
           pick(1, 21),
           pick(1, 21),
           pick(1, 40),
           pick(0, 1) * pick(1, 30),
           pick(1, 48),
           pick(0, 3) == 0 ? 1u : 3u,
           pick(1, 2)};
    c.padding = static_cast<Padding>(pick(0, 1));
    if (c.kernel == 3 && c.stride == 2 && c.h > 1 && c.w > 1 && pick(0, 1) != 0) c.padding = kAfter;
    c.features = pick(0, kEverything);
    const std::vector<KernelChoice> choices = kernelChoices(caps());
    const KernelChoice choice = choices[pick(0, static_cast<std::uint32_t>(choices.size()) - 1)];
    SCOPED_TRACE(describe(c) + " " + nameOf(choice));
    Convolution setup(caps(), c, choice, static_cast<std::uint32_t>(i));
    setup.harness.run(pipelines(), stream(), {setup.y});
    const float tolerance = toleranceOf(choice.type);
    expectClose(setup.harness.read(setup.y), setup.reference(), tolerance, tolerance, "conv2d");
  }
}

TEST_P(Conv2d, SameBytesEveryTime) {
  for (const KernelChoice& choice : kernelChoices(caps())) {
    Convolution setup(caps(), {2, 9, 10, 21, 14, 24, 3, 1, kCircular, kEverything}, choice, 3);
    setup.harness.run(pipelines(), stream(), {setup.y});
    const std::vector<std::byte> first = setup.harness.bytes(setup.y);
    setup.harness.rerun();
    EXPECT_EQ(setup.harness.bytes(setup.y), first) << nameOf(choice);
  }
}

/// A lane of a batch has the bytes it has when it runs alone.
TEST_P(Conv2d, LanesOfABatchAreIndependent) {
  for (const KernelChoice& choice : kernelChoices(caps())) {
    const Case c{3, 7, 9, 16, 0, 24, 3, 1, kZero, kBias};
    Convolution batch(caps(), c, choice, 4);
    batch.harness.run(pipelines(), stream(), {batch.y});
    const std::vector<std::byte> all = batch.harness.bytes(batch.y);
    const std::size_t lane = all.size() / c.n;
    for (std::uint32_t n = 0; n < c.n; ++n) {
      OpHarness alone(caps(), choice.type, choice.asGpu);
      Image x = makeImage({1, c.h, c.w, c.c1, choice.type});
      std::copy_n(batch.x.values.begin() + static_cast<std::ptrdiff_t>(n * x.values.size()), x.values.size(),
                  x.values.begin());
      ops::Conv2dInputs inputs;
      inputs.x = alone.input(x, "x");
      const graph::Tensor y = ops::conv2d(alone.graph, batch.desc, inputs);
      alone.run(pipelines(), stream(), {y});
      const std::vector<std::byte> one = alone.bytes(y);
      ASSERT_EQ(one.size(), lane);
      EXPECT_EQ(std::memcmp(one.data(), all.data() + n * lane, lane), 0) << nameOf(choice) << ", lane " << n;
    }
  }
}

RVL_INSTANTIATE_GPU_VARIANTS(Conv2d);

class Conv2dErrors : public GpuTest {
 protected:
  /// The message of a convolution of [2,8,8,12] f32 by [16,12,3,3] after `change`.
  template <class Change>
  std::string messageOf(Change change) {
    graph::Graph graph(caps(), DataType::F32);
    Conv2dDesc desc;
    desc.name = "down.0.conv1";
    desc.weight = {{16, 12, 3, 3}, std::vector<float>(16 * 12 * 9)};
    ops::Conv2dInputs inputs;
    inputs.x = graph.persistent({2, 8, 8, 12, DataType::F32}, "x");
    change(graph, desc, inputs);
    return errorOf([&] { ops::conv2d(graph, desc, inputs); });
  }
};

TEST_F(Conv2dErrors, NameTheLayerAndTheShapes) {
  const auto expectMessage = [&](auto change, const std::vector<std::string>& parts) {
    const std::string message = messageOf(change);
    EXPECT_NE(message.find("conv2d 'down.0.conv1'"), std::string::npos) << message;
    for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  using graph::Graph;
  using ops::Conv2dInputs;
  expectMessage(
      [](Graph&, Conv2dDesc& d, Conv2dInputs&) {
        d.weight = {{16, 12, 5, 5}, std::vector<float>(4800)};
      },
      {"[16,12,5,5]", "[O,I,3,3]"});
  expectMessage([](Graph&, Conv2dDesc& d, Conv2dInputs&) { d.weight.values.pop_back(); }, {"[16,12,3,3]"});
  expectMessage([](Graph&, Conv2dDesc& d, Conv2dInputs&) { d.bias = {{3}, {1, 2, 3}}; }, {"3 values", "[16,12,3,3]"});
  expectMessage([](Graph&, Conv2dDesc& d, Conv2dInputs&) { d.stride = 3; }, {"stride is 3"});
  expectMessage([](Graph&, Conv2dDesc& d, Conv2dInputs&) { d.padding = kAfter; }, {"stride 2", "stride 1"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.x = g.persistent({2, 8, 8, 11, DataType::F32}, "y");
      },
      {"[16,12,3,3]", "[2,8,8,11] f32", "11 channels"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.x = g.persistent({2, 8, 8, 12, DataType::F16}, "y");
      },
      {"[2,8,8,12] f16", "storage type"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.x2 = g.persistent({2, 8, 4, 3, DataType::F32}, "y");
      },
      {"[2,8,8,12] f32", "[2,8,4,3] f32"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.x2 = g.persistent({2, 8, 8, 3, DataType::F32}, "y");
      },
      {"[2,8,8,3] f32", "15 channels"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.residual = g.persistent({2, 8, 8, 12, DataType::F32}, "y");
      },
      {"residual", "[2,8,8,12] f32", "[2,8,8,16] f32"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        in.laneBias = g.persistent({2, 1, 1, 20, DataType::F32}, "y");
        in.laneBiasAt = 5;
      },
      {"lane bias", "[2,1,1,20] f32", "at least 21"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        ops::Prologue p;
        p.scale = g.persistent({2, 1, 1, 12, DataType::F32}, "scale");
        p.shift = g.persistent({1, 1, 1, 12, DataType::F32}, "shift");
        in.prologue = p;
      },
      {"shift", "[1,1,1,12] f32", "[2,1,1,12] f32"});
  expectMessage(
      [](Graph& g, Conv2dDesc&, Conv2dInputs& in) {
        ops::Prologue p;
        p.scale = g.persistent({2, 1, 1, 12, DataType::F32}, "scale");
        p.shift = g.persistent({2, 1, 1, 12, DataType::F32}, "shift");
        p.pixelScale = g.persistent({1, 1, 1, 64, DataType::F32}, "pixels");
        in.prologue = p;
      },
      {"pixel scale", "128 floats"});
}

/// Which kernel a device gets, whatever the machine has that runs the test.
TEST(Conv2dPlan, FollowsTheSubgroupSize) {
  vk::DeviceCaps caps;
  caps.subgroupBallot = true;
  caps.maxWorkgroupInvocations = caps.maxWorkgroupSize[0] = 256;
  const auto planFor = [&](std::uint32_t size, std::uint32_t smallest, std::uint32_t largest) {
    caps.subgroupSize = size;
    caps.minSubgroupSize = smallest;
    caps.maxSubgroupSize = largest;
    return ops::chooseConv2dPlan(caps, {});
  };
  EXPECT_FALSE(planFor(4, 4, 4).subgroup);
  EXPECT_FALSE(planFor(128, 128, 128).subgroup);
  for (const std::uint32_t size : {8u, 16u, 32u, 64u}) {
    const ops::Conv2dPlan plan = planFor(size, size, size);
    EXPECT_TRUE(plan.subgroup);
    EXPECT_EQ(plan.lanes, size);
    EXPECT_EQ(plan.local % size, 0u);
    EXPECT_EQ(plan.requiredSize, 0u);
  }
  // A size that the driver may vary is used only where it can be required.
  EXPECT_FALSE(planFor(32, 8, 32).subgroup);
  caps.subgroupSizeControl = true;
  EXPECT_EQ(planFor(32, 8, 32).requiredSize, 32u);
  caps.subgroupBallot = false;
  EXPECT_FALSE(planFor(32, 32, 32).subgroup);
}

}  // namespace
}  // namespace rivulet::test
