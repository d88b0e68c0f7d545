#include "ops/unrolled.h"

#include "ops/conv2d_checks.h"
#include "ops/reference/conv2d.h"
#include "ops/software_kernel_test.h"

namespace rivulet::test {
namespace {

enum Feature : std::uint32_t {
  kBias = 1,
  kResidual = 2,
  kLaneBias = 4,
  kSilu = 8,
  kScaled = 16,
  kSquares = 32,
  kUpsample = 64
};

struct Case {
  std::uint32_t n, h, w, c1, c2, o, features = 0;
  std::uint32_t kernel = 1, stride = 1;
  ops::Padding padding = ops::Padding::Circular;
};

class Unrolled : public SoftwareKernelTest {
 protected:
  void check(const Case& c, DataType type, std::uint32_t seed) {
    SCOPED_TRACE("[" + std::to_string(c.n) + "," + std::to_string(c.h) + "," + std::to_string(c.w) + "," +
                 std::to_string(c.c1) + "+" + std::to_string(c.c2) + "] -> " + std::to_string(c.o) + " features " +
                 std::to_string(c.features) + " kernel " + std::to_string(c.kernel) + "/" + std::to_string(c.stride) +
                 " padding " + std::to_string(static_cast<int>(c.padding)) + (type == DataType::F32 ? " f32" : " f16"));
    const auto has = [&](Feature feature) { return (c.features & feature) != 0; };
    std::mt19937 random(seed);
    OpHarness harness(caps(), type, false);
    const auto input = [&](Image& image, const TensorDesc& shape, const char* name) {
      image = randomImage(random, shape);
      return harness.input(image, name);
    };
    ops::Conv2dDesc desc;
    desc.name = "layer";
    desc.weight = randomTensor(random, {c.o, c.c1 + c.c2, c.kernel, c.kernel},
                               1.0f / (static_cast<float>(c.kernel) * std::sqrt(static_cast<float>(c.c1 + c.c2))));
    desc.stride = c.stride;
    desc.padding = c.padding;
    if (type == DataType::F16) {  // what the reference rounds to: these weights stay float
      for (float& w : desc.weight.values) w = halfToFloat(floatToHalf(w));
    }
    if (has(kBias)) desc.bias = randomTensor(random, {c.o});
    if (has(kSilu)) desc.activation = ops::Activation::Silu;
    if (has(kScaled)) desc.outputScale = 0.7f;
    desc.pixelSquares = has(kSquares);
    desc.upsample = has(kUpsample);

    Image x, x2, residual, laneBias;
    ops::Conv2dInputs inputs;
    reference::ConvInputs expected;
    inputs.x = input(x, {c.n, c.h, c.w, c.c1, type}, "x");
    expected.x = &x;
    if (c.c2 != 0) {
      inputs.x2 = input(x2, {c.n, c.h, c.w, c.c2, type}, "x2");
      expected.x2 = &x2;
    }
    const TensorDesc out = ops::checkConv2d(harness.graph, desc, inputs);
    if (has(kResidual) && !has(kUpsample)) {
      inputs.residual = input(residual, {c.n, out.h, out.w, c.o, type}, "residual");
      expected.residual = &residual;
    }
    if (has(kLaneBias)) {
      inputs.laneBias = input(laneBias, {c.n, 1, 1, c.o + 9, DataType::F32}, "lane bias");
      inputs.laneBiasAt = expected.laneBiasAt = 5;
      expected.laneBias = &laneBias;
    }
    const ops::Conv2dPlan plan = ops::planConv2d(harness.graph, desc, inputs, out);
    ASSERT_TRUE(plan.unrolled && !plan.winograd);
    const graph::Tensor y = ops::conv2d(harness.graph, desc, inputs);
    const graph::Tensor squares = harness.graph.pixelSquares(y);
    std::vector<graph::Tensor> outputs = {y};
    if (squares) outputs.push_back(squares);
    harness.run(pipelines(), stream(), outputs);

    const Image small = reference::conv2d(desc, expected, out), have = harness.read(y);
    Image want = makeImage(have.desc);
    const std::uint32_t scale = has(kUpsample) ? 2 : 1;
    ASSERT_EQ(have.desc.w, out.w * scale);
    for (std::uint32_t n = 0; n < c.n; ++n) {
      for (std::uint32_t o = 0; o < c.o; ++o) {
        for (std::uint32_t py = 0; py < have.desc.h; ++py) {
          for (std::uint32_t px = 0; px < have.desc.w; ++px) {
            want.at(n, o, py, px) = small.at(n, o, py / scale, px / scale);
          }
        }
      }
    }
    const float tolerance = type == DataType::F32 ? 2e-5f : 1e-3f;
    expectClose(have, want, tolerance, tolerance, "unrolled");
    if (!squares) return;
    expectSquares(have, harness.graph.desc(squares), harness.bytes(squares));
  }

  /// Wider vectors take outputs in larger steps.
  void checkWhereItFits(const Case& c, DataType type) {
    if (ops::unrolledVectors(padChannels(c.o), caps().subgroupSize) != 0) check(c, type, 1);
  }
};

constexpr std::uint32_t kEpilogue = kBias | kResidual | kLaneBias | kSilu | kScaled | kSquares;

TEST_F(Unrolled, MatchesTheReference) {
  const std::vector<Case> cases = {
      {1, 16, 16, 32, 32, 32, kBias},
      {2, 8, 8, 96, 0, 64, kBias | kUpsample},
      {1, 8, 8, 64, 0, 32, kBias | kUpsample | kSquares},
      {1, 8, 8, 128, 128, 128, kBias | kResidual},  // as many channels as there may be
      {3, 7, 5, 19, 0, 29, kEpilogue},              // padded channels, pixels that do not fill a turn
      {3, 7, 5, 19, 14, 32, kEpilogue},
      {3, 5, 3, 19, 14, 29, kEpilogue | kUpsample},
      {2, 3, 1, 8, 3, 64, kEpilogue},
      {1, 1, 1, 3, 0, 25, kBias | kUpsample | kSquares},
      {2, 5, 7, 9, 0, 24, kEpilogue},  // columns of one vector
      {2, 5, 7, 8, 5, 40, kEpilogue | kUpsample},
  };
  for (const DataType type : types()) {
    for (const Case& c : cases) checkWhereItFits(c, type);
  }
}

TEST_F(Unrolled, Kernels3x3) {
  using ops::Padding;
  const std::vector<Case> cases = {
      {1, 16, 16, 16, 0, 16, kBias, 3},                       // a whole image
      {2, 16, 24, 16, 0, 3, kBias | kSquares, 3},             // one vector of outputs, half of it stored
      {1, 19, 17, 8, 3, 16, kEpilogue, 3, 1, Padding::Zero},  // two inputs, rows that do not fill a unit
      {2, 17, 19, 5, 0, 24, kEpilogue, 3, 1, Padding::Edge},  // three columns of one vector
      {1, 33, 35, 9, 0, 29, kEpilogue, 3, 2},                 // odd sizes wrap
      {2, 34, 34, 8, 9, 64, kEpilogue, 3, 2, Padding::Zero},  // zeros behind the weights of several columns
      {1, 19, 17, 8, 0, 40, kBias, 3, 1, Padding::Zero},
      {1, 34, 32, 8, 0, 7, kBias | kSilu | kResidual, 3, 2, Padding::ZeroAfter},  // even sizes read beyond the edge
      {1, 35, 33, 8, 0, 16, kBias, 3, 2, Padding::ZeroAfter},                     // odd ones do not
      {1, 1, 257, 3, 0, 16, kBias, 3},                                            // no row above or below but itself
      {1, 1, 513, 3, 0, 16, kBias, 3, 2},
      {1, 300, 1, 3, 0, 16, kBias, 3, 1, Padding::Zero},
  };
  for (const DataType type : types()) {
    for (const Case& c : cases) checkWhereItFits(c, type);
  }
}

/// More channels than are written out at once are summed in equal parts, which a second dispatch adds up.
TEST_F(Unrolled, SumsInParts) {
  using ops::Padding;
  const std::vector<Case> cases = {
      {1, 16, 16, 128, 0, 192, kBias | kSquares, 3, 2},  // of materials-m
      {2, 19, 22, 144, 0, 64, kEpilogue, 3, 2},          // six parts, and rows that do not fill a unit
      {1, 17, 19, 77, 0, 61, kEpilogue, 3, 2, Padding::Zero},
  };
  for (const Case& c : cases) check(c, DataType::F32, 1);
  if (types().size() > 1) check(cases[1], DataType::F16, 1);
}

/// However many workgroups a device allows along an axis and however large they are; and whatever else is in a batch.
TEST_F(Unrolled, GridsAndBatchesDoNotChangeTheBits) {
  std::mt19937 random(6);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = randomTensor(random, {2 * caps().subgroupSize, 8, 3, 3}, 0.1f);
  const Image x = randomImage(random, {2, 17, 18, 8, DataType::F32});
  std::array<std::uint32_t, 3> groups{};
  const auto bytesOf = [&](const vk::DeviceCaps& c, const Image& input) {
    OpHarness harness(c, DataType::F32, false);
    const graph::Tensor y = ops::conv2d(harness.graph, desc, {.x = harness.input(input, "x")});
    groups = harness.graph.dispatches().front().groups;
    harness.run(pipelines(), stream(), {y});
    return harness.bytes(y);
  };
  const std::vector<std::byte> all = bytesOf(caps(), x);
  EXPECT_EQ(groups, (std::array{1u, 11u, 1u}));  // of 16 subgroups that make four pixels each, five a row

  vk::DeviceCaps changed = caps();
  changed.maxWorkgroupCount[1] = 3;
  EXPECT_EQ(bytesOf(changed, x), all);
  EXPECT_EQ(groups, (std::array{1u, 3u, 4u}));

  changed = caps();
  changed.maxWorkgroupInvocations = 2 * caps().subgroupSize;
  EXPECT_EQ(bytesOf(changed, x), all);
  EXPECT_EQ(groups, (std::array{1u, 85u, 1u}));

  for (std::uint32_t n = 0; n < 2; ++n) {
    const std::vector<std::byte> one = bytesOf(caps(), laneOf(x, n));
    ASSERT_EQ(one.size() * 2, all.size());
    EXPECT_EQ(std::memcmp(one.data(), all.data() + n * one.size(), one.size()), 0) << "lane " << n;
  }
}

TEST_F(Unrolled, GridsAndBatchesDoNotChangeTheBitsOfPartsEither) {
  std::mt19937 random(7);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.stride = 2;
  desc.weight = randomTensor(random, {64, 80, 3, 3}, 0.05f);
  const Image x = randomImage(random, {2, 18, 20, 80, DataType::F32});
  const auto bytesOf = [&](const vk::DeviceCaps& c, const Image& input) {
    OpHarness harness(c, DataType::F32, false);
    const graph::Tensor y = ops::conv2d(harness.graph, desc, {.x = harness.input(input, "x")});
    EXPECT_EQ(harness.graph.dispatches().size(), 2u);
    harness.run(pipelines(), stream(), {y});
    return harness.bytes(y);
  };
  const std::vector<std::byte> all = bytesOf(caps(), x);
  vk::DeviceCaps changed = caps();
  changed.maxWorkgroupCount[1] = 4;
  changed.maxWorkgroupInvocations = 2 * caps().subgroupSize;
  EXPECT_EQ(bytesOf(changed, x), all);
  for (std::uint32_t n = 0; n < 2; ++n) {
    const std::vector<std::byte> one = bytesOf(caps(), laneOf(x, n));
    ASSERT_EQ(one.size() * 2, all.size());
    EXPECT_EQ(std::memcmp(one.data(), all.data() + n * one.size(), one.size()), 0) << "lane " << n;
  }
}

/// Where the driver's compiler would take too long for the sum, or for what there is to do.
TEST_F(Unrolled, NotForLongSumsNorForLittleWork) {
  const auto unrolled = [&](std::uint32_t size, std::uint32_t inputs, std::uint32_t stride) {
    ops::Conv2dShape shape;
    shape.outWidth = shape.outHeight = size;
    shape.inputs = inputs;
    shape.outputs = 32;
    shape.stride = stride;
    return ops::chooseConv2dPlan(caps(), shape).unrolled;
  };
  EXPECT_TRUE(unrolled(64, 16, 1));
  EXPECT_TRUE(unrolled(16, 64, 2));
  EXPECT_FALSE(unrolled(16, 72, 1));
  EXPECT_TRUE(unrolled(15, 72, 2)) << "in three parts";
  EXPECT_TRUE(unrolled(8, 64, 2));
  EXPECT_FALSE(unrolled(7, 64, 2));
  EXPECT_TRUE(unrolled(16, 80, 2)) << "in five parts";
  EXPECT_FALSE(unrolled(16, 88, 2)) << "eleven parts of eight channels are too short";
  EXPECT_FALSE(unrolled(16, 80, 1)) << "Winograd's way is faster";
}

TEST_F(Unrolled, RandomShapes) {
  std::mt19937 random(17);
  const auto pick = [&](std::uint32_t from, std::uint32_t to) {
    return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
  };
  const std::uint32_t lanes = caps().subgroupSize;
  for (std::uint32_t i = 0; i < 12; ++i) {
    const std::uint32_t channels2 = pick(0, 1) * pick(1, 60);
    const std::uint32_t outputs = pick(1, 8) * lanes - pick(0, 7);
    check({pick(1, 3), pick(1, 12), pick(1, 12), pick(1, 80), channels2, outputs, pick(0, 127)},
          types()[pick(0, 1) % types().size()], i);
  }
  for (std::uint32_t i = 0; i < 8; ++i) {
    Case c{pick(1, 3), pick(16, 24), pick(16, 24), pick(1, 8), 0, pick(1, 5) * lanes - pick(0, 7), pick(0, 63), 3};
    c.stride = pick(1, 2);
    c.padding = c.stride == 2 ? std::array{ops::Padding::Circular, ops::Padding::Zero, ops::Padding::ZeroAfter,
                                           ops::Padding::Edge}[pick(0, 3)]
                              : std::array{ops::Padding::Circular, ops::Padding::Zero, ops::Padding::Edge}[pick(0, 2)];
    if (c.stride == 2) {
      c.h *= 2;
      c.w = 2 * c.w + pick(0, 1);
      c.c2 = pick(0, 1) * pick(1, 8);
    }
    check(c, types()[pick(0, 1) % types().size()], i);
  }
}

/// Where the kernel is another the result is upsampled all the same.
TEST_F(Unrolled, UpsamplingDoesNotDependOnTheKernel) {
  std::mt19937 random(3);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = randomTensor(random, {32, 24, 1, 1}, 0.2f);
  desc.upsample = true;
  const Image x = randomImage(random, {2, 5, 6, 24, DataType::F32});
  OpHarness software(caps(), DataType::F32, false), gpu(caps(), DataType::F32, true);
  const graph::Tensor a = ops::conv2d(software.graph, desc, {.x = software.input(x, "x")});
  const graph::Tensor b = ops::conv2d(gpu.graph, desc, {.x = gpu.input(x, "x")});
  EXPECT_EQ(software.graph.dispatches().size(), 1u);
  EXPECT_EQ(gpu.graph.dispatches().size(), 2u);
  software.run(pipelines(), stream(), {a});
  gpu.run(pipelines(), stream(), {b});
  expectClose(software.read(a), gpu.read(b), 1e-5f, 1e-5f, "upsampled");
}

TEST_F(Unrolled, UpsamplingIsRefusedWhereItMeansNothing) {
  std::mt19937 random(4);
  graph::Graph graph(caps(), DataType::F32);
  ops::Conv2dDesc desc;
  desc.name = "layer";
  desc.weight = randomTensor(random, {16, 16, 3, 3});
  desc.upsample = true;
  const graph::Tensor x = graph.persistent({1, 8, 8, 16, DataType::F32}, "x");
  EXPECT_THROW(ops::conv2d(graph, desc, {.x = x}), Error);
  desc.weight = randomTensor(random, {16, 16, 1, 1});
  EXPECT_THROW(ops::conv2d(graph, desc, {.x = x, .residual = x}), Error);
  EXPECT_NO_THROW(ops::conv2d(graph, desc, {.x = x}));
}

}  // namespace
}  // namespace rivulet::test
