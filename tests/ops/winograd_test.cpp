#include "ops/winograd.h"

#include <array>

#include "ops/norm_convolution.h"
#include "ops/software_kernel_test.h"
#include "support/expect_error.h"

namespace rivulet::test {
namespace {

using ops::Padding;

struct Case {
  std::uint32_t n, h, w, c1, c2, o;
  Padding padding = Padding::Circular;
  std::uint32_t features = 0;
  operator NormConvolutionCase() const { return {n, h, w, c1, c2, o, 3, 1, padding, features}; }
};

struct Convolution : NormConvolution {
  /// `together`: its passes in one dispatch, however large it is.
  Convolution(const vk::DeviceCaps& caps, const Case& c, DataType type, std::uint32_t seed, bool together = false)
      : NormConvolution(caps, c, type, false, seed) {
    ops::Conv2dPlan plan = ops::planConv2d(harness.graph, desc, inputs, out);
    plan.together = together;
    y = ops::winogradConv2d(harness.graph, desc, inputs, out, plan, normIfAny());
    squares = harness.graph.pixelSquares(y);
  }
};

class Winograd : public SoftwareKernelTest {
 protected:
  void check(const Case& c, DataType type, std::uint32_t seed, bool together) {
    SCOPED_TRACE(describe(NormConvolutionCase(c)) + (type == DataType::F32 ? " f32" : " f16") +
                 (together ? " together" : ""));
    Convolution setup(caps(), c, type, seed, together);
    std::vector<graph::Tensor> outputs = {setup.y};
    if (setup.squares) outputs.push_back(setup.squares);
    setup.harness.run(pipelines(), stream(), outputs);
    const Image have = setup.harness.read(setup.y);
    // The transforms' coefficients go up to 8 and cancel: ten times the rounding of a direct sum.
    const float tolerance = type == DataType::F32 ? 1e-4f : 1e-3f;
    expectClose(have, setup.reference(), tolerance, tolerance, "winograd");
    if (!setup.squares) return;
    expectSquares(have, setup.harness.graph.desc(setup.squares), setup.harness.bytes(setup.squares));
  }
};

constexpr Padding kCircular = Padding::Circular, kZero = Padding::Zero, kEdge = Padding::Edge;
constexpr std::uint32_t kEpilogue = kBias | kResidual | kLaneBias | kSilu | kScaled | kSquares;

TEST_F(Winograd, MatchesTheReference) {
  const std::vector<Case> cases = {
      {1, 8, 8, 64, 0, 64, kCircular, kBias},
      {1, 16, 16, 32, 32, 32, kCircular, kBias | kNorm | kSquares},
      {2, 8, 8, 96, 0, 96, kCircular, kBias | kNorm | kModulated | kResidual | kSquares},
      {1, 8, 12, 192, 0, 24, kCircular, kBias},  // several depths, an odd number of vectors
      {3, 7, 5, 19, 0, 13, kCircular, kEpilogue},
      {3, 7, 5, 19, 14, 16, kZero, kEpilogue | kNorm | kBeta | kModulated},
      {2, 9, 6, 8, 3, 40, kZero, kNorm},
      {3, 7, 5, 19, 14, 16, kEdge, kEpilogue | kNorm | kBeta | kModulated},
      {1, 1, 1, 3, 0, 5, kEdge, kBias | kNorm},
      {1, 1, 1, 3, 0, 5, kCircular, kBias},
      {1, 1, 1, 3, 0, 5, kZero, kBias | kNorm},
      {2, 2, 3, 8, 8, 8, kCircular, kSquares},
      {1, 1, 19, 8, 0, 16, kZero, kSilu},
      {1, 17, 1, 40, 0, 16, kCircular, kLaneBias},
  };
  for (const DataType type : types()) {
    for (const Case& c : cases) check(c, type, 1, false);
  }
}

TEST_F(Winograd, PassesTogetherMatchTheReference) {
  const std::vector<Case> cases = {
      {2, 8, 8, 64, 0, 64, kCircular, kBias | kNorm | kModulated | kResidual | kSquares},
      {1, 16, 16, 24, 32, 32, kCircular, kBias | kNorm | kSquares},  // two groups of inputs for one of outputs
      {3, 7, 5, 19, 14, 16, kZero, kEpilogue | kNorm | kBeta | kModulated},
      {3, 7, 5, 5, 0, 45, kEdge, kEpilogue | kNorm},  // an odd number of columns, more than groups of inputs
      {1, 1, 1, 3, 0, 5, kCircular, kBias},
      {1, 17, 1, 40, 0, 16, kCircular, kLaneBias},
  };
  for (const DataType type : types()) {
    for (const Case& c : cases) check(c, type, 1, true);
  }
}

TEST_F(Winograd, RandomShapes) {
  std::mt19937 random(11);
  const auto pick = [&](std::uint32_t from, std::uint32_t to) {
    return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
  };
  for (std::uint32_t i = 0; i < 10; ++i) {
    const std::uint32_t channels2 = pick(0, 1) * pick(1, 30);
    const Case c{pick(1, 3),
                 pick(1, 18),
                 pick(1, 18),
                 pick(1, 40),
                 channels2,
                 pick(1, 48),
                 std::array{kCircular, kZero, kEdge}[pick(0, 2)],
                 pick(0, 511)};
    check(c, types()[pick(0, 1) % types().size()], i, i % 2 == 1);
  }
}

/// How many subgroups a workgroup has is no matter for the bytes.
TEST_F(Winograd, SmallWorkgroupsDoNotChangeTheBits) {
  const Case c{1, 32, 31, 96, 0, 96, kCircular, kBias | kNorm | kSquares};
  vk::DeviceCaps small = caps();
  small.maxWorkgroupInvocations = 4 * ops::chooseConv2dPlan(small, {}).lanes;
  Convolution usual(caps(), c, DataType::F32, 4), other(small, c, DataType::F32, 4);
  const auto workgroups = [](const Convolution& setup) {
    const auto dispatches = setup.harness.graph.dispatches();
    return std::array{dispatches[dispatches.size() - 2].groups[1], dispatches.back().groups[1]};
  };
  EXPECT_EQ(workgroups(usual), (std::array{36u, 4u}));  // 64 tiles
  EXPECT_EQ(workgroups(other), (std::array{36u * 4, 16u}));
  usual.harness.run(pipelines(), stream(), {usual.y, usual.squares});
  other.harness.run(pipelines(), stream(), {other.y, other.squares});
  EXPECT_EQ(other.harness.bytes(other.y), usual.harness.bytes(usual.y));
  EXPECT_EQ(other.harness.bytes(other.squares), usual.harness.bytes(usual.squares));
}

/// Nor is whether the passes are one dispatch, and how many tiles its workgroups take.
TEST_F(Winograd, PassesTogetherDoNotChangeTheBits) {
  const Case c{2, 20, 31, 40, 0, 40, kCircular, kBias | kNorm | kSquares};  // 80 tiles
  const std::uint32_t lanes = ops::chooseConv2dPlan(caps(), {}).lanes, columns = (40 + 2 * lanes - 1) / (2 * lanes);
  vk::DeviceCaps small = caps(), smaller = caps();
  small.maxWorkgroupInvocations = 4 * columns * lanes;
  smaller.maxWorkgroupInvocations = (4 * columns - 1) * lanes;
  Convolution apart(caps(), c, DataType::F32, 4), together(caps(), c, DataType::F32, 4, true);
  Convolution fewer(small, c, DataType::F32, 4, true), none(smaller, c, DataType::F32, 4, true);
  const auto last = [](const Convolution& setup) { return setup.harness.graph.dispatches().back().groups; };
  EXPECT_EQ(last(together), (std::array{10u, 1u, 1u}));  // of 8 tiles: with 16, 3 workgroups would do for an image
  EXPECT_EQ(last(fewer), (std::array{20u, 1u, 1u}));
  EXPECT_EQ(none.harness.graph.dispatches().size(), together.harness.graph.dispatches().size() + 2);
  apart.harness.run(pipelines(), stream(), {apart.y, apart.squares});
  for (Convolution* other : {&together, &fewer}) {
    other->harness.run(pipelines(), stream(), {other->y, other->squares});
    EXPECT_EQ(other->harness.bytes(other->y), apart.harness.bytes(apart.y));
    EXPECT_EQ(other->harness.bytes(other->squares), apart.harness.bytes(apart.squares));
  }
}

/// A lane of a batch has the bytes it has alone, and the same bytes every time.
TEST_F(Winograd, LanesOfABatchAreIndependent) {
  const Case c{3, 9, 7, 16, 0, 24, kCircular, kBias};
  Convolution batch(caps(), c, DataType::F32, 4);
  batch.harness.run(pipelines(), stream(), {batch.y});
  const std::vector<std::byte> all = batch.harness.bytes(batch.y);
  batch.harness.rerun();
  EXPECT_EQ(batch.harness.bytes(batch.y), all);
  for (std::uint32_t n = 0; n < c.n; ++n) {
    OpHarness alone(caps(), DataType::F32, false);
    ops::Conv2dInputs inputs;
    inputs.x = alone.input(laneOf(batch.x, n), "x");
    const TensorDesc out = ops::checkConv2d(alone.graph, batch.desc, inputs);
    const ops::Conv2dPlan plan = ops::planConv2d(alone.graph, batch.desc, inputs, out);
    const graph::Tensor y = ops::winogradConv2d(alone.graph, batch.desc, inputs, out, plan);
    alone.run(pipelines(), stream(), {y});
    const std::vector<std::byte> one = alone.bytes(y);
    ASSERT_EQ(one.size() * c.n, all.size());
    EXPECT_EQ(std::memcmp(one.data(), all.data() + n * one.size(), one.size()), 0) << "lane " << n;
  }
}

/// Where a device allows few workgroups along an axis, products take another; transforms have none left.
TEST_F(Winograd, GridsAreAsWideAsTheDeviceAllows) {
  vk::DeviceCaps narrow = caps();
  narrow.maxWorkgroupCount[1] = 100;
  const Case c{1, 36, 36, 16, 0, 16, kCircular, kBias | kSquares};  // 81 tiles: 36 * 21 workgroups of products
  Convolution usual(caps(), c, DataType::F32, 2), folded(narrow, c, DataType::F32, 2);
  const auto dispatches = folded.harness.graph.dispatches();
  EXPECT_EQ(dispatches[dispatches.size() - 2].groups, (std::array{1u, 72u, 11u}));
  usual.harness.run(pipelines(), stream(), {usual.y});
  folded.harness.run(pipelines(), stream(), {folded.y});
  EXPECT_EQ(folded.harness.bytes(folded.y), usual.harness.bytes(usual.y));

  narrow.maxWorkgroupCount[1] = 5;
  graph::Graph graph(narrow, DataType::F32);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = {{16, 16, 3, 3}, std::vector<float>(std::size_t{16} * 16 * 9)};
  const ops::Conv2dInputs inputs{.x = graph.persistent({1, 36, 36, 16, DataType::F32}, "x")};
  const TensorDesc out = ops::checkConv2d(graph, desc, inputs);
  const ops::Conv2dPlan plan = ops::planConv2d(graph, desc, inputs, out);
  expectError(ErrorCode::InvalidArgument, {"layer.input", "axis 1", "smaller size or batch"},
              [&] { ops::winogradConv2d(graph, desc, inputs, out, plan); });
}

/// A frame's budget ends between workgroups along the longest axis, so those at one place of it may not take long: of
/// products, one of the 36 matrices for 64 tiles.
TEST_F(Winograd, PartsAreShort) {
  for (const std::uint32_t channels : {32u, 64u, 128u, 256u}) {
    graph::Graph graph(caps(), DataType::F32);
    ops::Conv2dDesc desc;
    desc.name = "layer";
    desc.weight = {{channels, channels, 3, 3}, std::vector<float>(std::size_t{channels} * channels * 9)};
    ops::conv2d(graph, desc, {.x = graph.persistent({1, 128, 128, channels, DataType::F32}, "x")});
    ASSERT_EQ(graph.dispatches().size(), 3u);
    const std::uint32_t columns = channels / (2 * ops::chooseConv2dPlan(caps(), {}).lanes);
    EXPECT_EQ(graph.dispatches()[1].groups, (std::array{columns, 36u * 1024 / 64, 1u})) << channels << " channels";
  }
  // Of the passes together: at most 16 of 128 tiles.
  graph::Graph graph(caps(), DataType::F32);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = {{64, 64, 3, 3}, std::vector<float>(std::size_t{64} * 64 * 9)};
  ops::conv2d(graph, desc, {.x = graph.persistent({2, 32, 32, 64, DataType::F32}, "x")});
  ASSERT_EQ(graph.dispatches().size(), 1u);
  EXPECT_GE(graph.dispatches()[0].groups[0], 128u / 16);
}

/// The plan and normConv2d() take this way where there is enough to do, whatever the batch.
TEST_F(Winograd, IsChosenByChannelsAndSize) {
  const auto chosen = [&](std::uint32_t n, std::uint32_t size, std::uint32_t in, std::uint32_t out) {
    return ops::chooseConv2dPlan(caps(), {n, size, size, in, out, 3, 1, kCircular, DataType::F32}).winograd;
  };
  EXPECT_TRUE(chosen(1, 32, 64, 64));
  EXPECT_TRUE(chosen(1, 64, 128, 64));
  EXPECT_TRUE(chosen(1, 16, 16, 32));
  EXPECT_TRUE(chosen(1, 8, 64, 64));
  EXPECT_TRUE(chosen(1, 4, 96, 96));
  EXPECT_FALSE(chosen(1, 4, 64, 64)) << "too little to do to be worth compiling";
  EXPECT_FALSE(chosen(16, 4, 64, 64)) << "whatever the batch";
  EXPECT_FALSE(chosen(1, 64, 8, 64));
  EXPECT_FALSE(chosen(1, 64, 16, 16));  // three dispatches would take as long as ops/unrolled.h's one
  EXPECT_FALSE(chosen(1, 64, 16, 8));
  EXPECT_TRUE(chosen(1, 512, 64, 32));
  EXPECT_FALSE(chosen(1, 1152, 64, 32));  // more than a gigabyte to hand on
  EXPECT_TRUE(chosen(1, 32, 256, 256));
  EXPECT_FALSE(chosen(1, 32, 512, 256));  // its code would be too long

  const auto together = [&](std::uint32_t n, std::uint32_t size, std::uint32_t in) {
    return ops::chooseConv2dPlan(caps(), {n, size, size, in, 64, 3, 1, kCircular, DataType::F32}).together;
  };
  EXPECT_TRUE(together(1, 64, 64));
  EXPECT_TRUE(together(16, 64, 64)) << "whatever the batch";
  EXPECT_FALSE(together(1, 68, 64)) << "large enough for three dispatches";
  EXPECT_FALSE(together(1, 64, 72)) << "its code would be too long";
  EXPECT_TRUE(together(1, 8, 64));
  EXPECT_FALSE(together(1, 4, 64)) << "not Winograd's way at all";
}

TEST_F(Winograd, NormAndConvolutionMatchTheReference) {
  std::mt19937 random(5);
  OpHarness harness(caps(), DataType::F32, false);
  const Image x = randomImage(random, {1, 32, 32, 64, DataType::F32});
  ops::NormDesc norm;
  norm.name = "norm";
  norm.gamma = randomTensor(random, {64}, 0.3f, 1.0f);
  norm.activation = ops::Activation::Silu;
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = randomTensor(random, {64, 64, 3, 3}, 0.04f);
  desc.bias = randomTensor(random, {64});
  const graph::Tensor y = ops::normConv2d(harness.graph, norm, {.x = harness.input(x, "x")}, desc);
  ASSERT_EQ(harness.graph.dispatches().size(), 2u);  // squares, and the convolution's passes together
  harness.run(pipelines(), stream(), {y});
  const Image normed = reference::norm(norm, x, nullptr);
  reference::ConvInputs in;
  in.x = &normed;
  expectClose(harness.read(y), reference::conv2d(desc, in, harness.graph.desc(y)), 1e-4f, 1e-4f, "norm and winograd");
}

/// Two executables whose sizes want other layouts do not share weights; those of one size do.
TEST_F(Winograd, WeightsFitTheSizesTheyWerePackedFor) {
  std::mt19937 random(6);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = randomTensor(random, {64, 64, 3, 3}, 0.04f);
  const auto graphOf = [&](std::uint32_t n, std::uint32_t size) {
    graph::Graph graph(caps(), DataType::F32);
    ops::Conv2dInputs inputs;
    inputs.x = graph.persistent({n, size, size, 64, DataType::F32}, "x");
    graph.keep(ops::conv2d(graph, desc, inputs));
    return graph;
  };
  const auto weights = graph::WeightBuffer::create(graphOf(1, 32), stream(), device(), "test");
  EXPECT_TRUE(weights->fits(graphOf(2, 64)));
  EXPECT_TRUE(weights->fits(graphOf(1, 8)));
  EXPECT_FALSE(weights->fits(graphOf(1, 4)));
}

}  // namespace
}  // namespace rivulet::test
