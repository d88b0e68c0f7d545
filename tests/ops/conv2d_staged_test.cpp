#include "ops/conv2d_staged.h"

#include <array>
#include <cstdlib>

#include "ops/norm_convolution.h"
#include "support/expect_error.h"

namespace rivulet::test {
namespace {

using ops::Padding;
using Case = NormConvolutionCase;

/// Per pixel, the sums of squares over each 32 of the channels' padded count, as Graph::pixelSquares has them.
std::vector<float> squarePlanes(const Image& image) {
  const TensorDesc& d = image.desc;
  const std::size_t planes = (d.stride() + ops::kSquaresPlane - 1) / ops::kSquaresPlane;
  const std::size_t stride = padChannels(static_cast<std::uint32_t>(d.pixels()));
  std::vector<float> sums(planes * stride, 0.0f);
  for (std::uint32_t n = 0; n < d.n; ++n) {
    for (std::uint32_t c = 0; c < d.c; ++c) {
      for (std::uint32_t y = 0; y < d.h; ++y) {
        for (std::uint32_t x = 0; x < d.w; ++x) {
          const float v = image.at(n, c, y, x);
          sums[c / ops::kSquaresPlane * stride + (n * d.h + y) * d.w + x] += v * v;
        }
      }
    }
  }
  return sums;
}

struct Convolution : NormConvolution {
  /// `candidate`: of the tiles there are; UINT32_MAX: the usual one.
  Convolution(const vk::DeviceCaps& caps, const Case& c, std::uint32_t seed, std::uint32_t candidate = UINT32_MAX)
      : NormConvolution(caps, c, DataType::F16, true, seed) {
    if (c.has(kNorm)) giveSquares(inputs.x, x);
    if (c.has(kNorm) && inputs.x2) giveSquares(inputs.x2, x2);
    plan = ops::planConv2d(harness.graph, desc, inputs, out);
    if (!plan.staged) return;
    if (candidate != UINT32_MAX) {
      const ops::Conv2dShape shape{out.n,         out.h,
                                   out.w,         padChannels(c.c1) + padChannels(c.c2),
                                   out.stride(),  c.kernel,
                                   c.stride,      c.padding,
                                   DataType::F16, c.has(kQuantised)};
      plan.staged = ops::stagedTiles(harness.graph.caps(), shape).tiles.at(candidate);
    }
    y = ops::stagedConv2d(harness.graph, desc, inputs, out, plan, normIfAny());
    squares = harness.graph.pixelSquares(y);
  }

  /// As the op would have left them that made the tensor.
  void giveSquares(graph::Tensor tensor, const Image& image) {
    const std::vector<float> planes = squarePlanes(image);
    std::vector<std::byte> bytes(planes.size() * sizeof(float));
    std::memcpy(bytes.data(), planes.data(), bytes.size());
    const auto pixels = static_cast<std::uint32_t>(image.desc.pixels());
    const auto count = static_cast<std::uint32_t>(planes.size() / padChannels(pixels));
    harness.graph.setPixelSquares(tensor, harness.input({1, 1, count, pixels, DataType::F32}, bytes, "squares"));
  }

  Image upsampledReference() const {
    const Image small = reference();
    if (!desc.upsample) return small;
    Image big = makeImage(harness.graph.desc(y));
    for (std::uint32_t n = 0; n < out.n; ++n) {
      for (std::uint32_t c = 0; c < out.c; ++c) {
        for (std::uint32_t i = 0; i < big.desc.h; ++i) {
          for (std::uint32_t j = 0; j < big.desc.w; ++j) big.at(n, c, i, j) = small.at(n, c, i / 2, j / 2);
        }
      }
    }
    return big;
  }

  ops::Conv2dPlan plan;
};

/// What every convolution that stages its operands must do.
class StagedTest : public GpuTest {
 protected:
  vk::DeviceCaps asGpu() const {
    vk::DeviceCaps result = caps();
    result.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    return result;
  }

  void check(const vk::DeviceCaps& device, const Case& c, std::uint32_t seed) {
    SCOPED_TRACE(describe(c));
    Convolution setup(device, c, seed);
    std::vector<graph::Tensor> outputs = {setup.y};
    if (setup.squares) outputs.push_back(setup.squares);
    setup.harness.run(pipelines(), stream(), outputs);
    const Image have = setup.harness.read(setup.y);
    // Where a norm comes before it is rounded, some integers differ by one.
    const float tolerance = c.has(kQuantised) && c.has(kNorm) ? 2e-2f : 2e-3f;
    expectClose(have, setup.upsampledReference(), tolerance, tolerance, "conv2d_staged");
    if (!setup.squares) return;
    const std::vector<float> want = squarePlanes(have);
    const std::vector<std::byte> bytes = setup.harness.bytes(setup.squares);
    ASSERT_EQ(bytes.size(), want.size() * sizeof(float));
    std::vector<float> sums(want.size());
    std::memcpy(sums.data(), bytes.data(), bytes.size());
    const std::size_t stride = padChannels(static_cast<std::uint32_t>(have.desc.pixels()));
    for (std::size_t i = 0; i < sums.size(); ++i) {  // the image is rounded to halves, what was summed is not
      if (i % stride >= have.desc.pixels()) continue;
      ASSERT_NEAR(sums[i], want[i], 4e-3 * (1 + want[i])) << "square " << i;
    }
  }
};

class Conv2dStaged : public StagedTest {
 protected:
  void SetUp() override {
    StagedTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().storage16 || !Convolution(asGpu(), {1, 16, 16, 32, 0, 32}, 1).plan.staged) {
      ASSERT_FALSE(std::getenv("RIVULET_EXPECT_MATRIX_UNITS")) << caps().name << " has none";
      GTEST_SKIP() << "this device has no matrix units for halves summed in floats";
    }
  }
};

class Conv2dInt8 : public StagedTest {
 protected:
  void SetUp() override {
    StagedTest::SetUp();
    if (IsSkipped()) return;
    if (!caps().storage16 || !caps().multipliesBytes()) GTEST_SKIP() << "this device does not multiply bytes";
  }

  vk::DeviceCaps withoutMatrixUnits() const {
    vk::DeviceCaps result = asGpu();
    vk::disableCapability(result, "cooperativeMatrix");
    return result;
  }
};

constexpr Padding kCircular = Padding::Circular, kZero = Padding::Zero, kAfter = Padding::ZeroAfter,
                  kEdge = Padding::Edge;
constexpr std::uint32_t kEpilogue = kBias | kResidual | kLaneBias | kSilu | kScaled | kSquares;

TEST_F(Conv2dStaged, MatchesTheReference) {
  const std::vector<Case> cases = {
      // What the networks are made of.
      {1, 16, 16, 32, 32, 32, 3, 1, kCircular, kBias | kNorm | kSquares},
      {2, 8, 8, 96, 0, 96, 3, 1, kCircular, kBias | kNorm | kModulated | kResidual | kSquares},
      {1, 16, 16, 32, 0, 64, 3, 2, kCircular, kBias | kSquares},
      {1, 8, 8, 96, 0, 64, 1, 1, kCircular, kBias | kUpsample | kSquares},
      {1, 16, 16, 8, 3, 16, 3, 1, kCircular, kBias | kSilu},
      // Odd sizes, odd channels, every padding and stride.
      {3, 7, 5, 19, 0, 13, 3, 1, kCircular, kEpilogue},
      {3, 7, 5, 19, 14, 16, 3, 1, kZero, kEpilogue | kNorm | kBeta | kModulated},
      {3, 7, 5, 19, 14, 16, 3, 1, kEdge, kEpilogue | kNorm | kBeta | kModulated},
      {1, 9, 23, 12, 5, 72, 3, 2, kZero, kEpilogue},
      {1, 10, 13, 12, 5, 24, 3, 2, kAfter, kEpilogue},
      {2, 9, 10, 21, 14, 40, 1, 1, kCircular, kEpilogue | kNorm},
      {1, 5, 7, 9, 0, 8, 1, 2, kZero, kResidual},
      {1, 1, 1, 3, 0, 5, 3, 1, kEdge, kBias | kNorm},
      {1, 1, 1, 3, 0, 5, 3, 1, kCircular, kBias},
      {1, 17, 1, 40, 0, 16, 3, 2, kCircular, kLaneBias},
      {1, 5, 16, 32, 0, 16, 1, 1, kCircular, kBias},  // more fragments than the tile has rows for
  };
  for (const Case& c : cases) check(asGpu(), c, 1);
}

TEST_F(Conv2dStaged, RandomShapes) {
  std::mt19937 random(11);
  const auto pick = [&](std::uint32_t from, std::uint32_t to) {
    return std::uniform_int_distribution<std::uint32_t>(from, to)(random);
  };
  for (std::uint32_t i = 0; i < 6; ++i) {
    const std::uint32_t channels2 = pick(0, 1) * pick(1, 70), kernel = pick(0, 3) == 0 ? 1 : 3;
    const Case c{pick(1, 3),  pick(1, 20), pick(1, 40),
                 pick(1, 70), channels2,   pick(1, 140),
                 kernel,      pick(1, 2),  std::array{kCircular, kZero, kEdge}[pick(0, 2)],
                 pick(0, 511)};
    check(asGpu(), c, i);
  }
}

/// Every shape of fragments that the device has for halves and floats.
TEST_F(Conv2dStaged, EveryShapeTheDeviceHas) {
  std::size_t tried = 0;
  for (const vk::CooperativeMatrixShape& shape : caps().cooperativeMatrixShapes) {
    vk::DeviceCaps one = asGpu();
    one.cooperativeMatrixShapes = {shape};
    const Case c{1, 9, 20, 40, 0, 48, 3, 1, kZero, kEpilogue | kNorm};
    if (!Convolution(one, c, 5).plan.staged) continue;
    SCOPED_TRACE(std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k));
    check(one, c, 5);
    ++tried;
  }
  EXPECT_GT(tried, 0u);
}

/// However it is cut up, every pixel and every sum of squares has the same bits: so neither a batch, which is cut up
/// otherwise, nor the autotuner changes a texture. And the same bits every time.
TEST_F(Conv2dStaged, TilesDoNotChangeTheBits) {
  for (const Case& c : {Case{1, 13, 35, 72, 0, 136, 3, 1, kCircular, kEpilogue | kNorm},
                        Case{1, 6, 8, 40, 24, 96, 3, 1, kZero, kEpilogue}}) {
    std::vector<std::byte> bits, squares;
    const std::uint32_t candidates = Convolution(asGpu(), c, 3).plan.choice.candidates;
    ASSERT_GT(candidates, 2u);
    // A software device takes seconds to compile each of them.
    const std::uint32_t step = caps().isSoftware() ? (candidates - 1) / 2 : 1;
    for (std::uint32_t candidate = 0; candidate < candidates; candidate += step) {
      Convolution setup(asGpu(), c, 3, candidate);
      setup.harness.run(pipelines(), stream(), {setup.y, setup.squares});
      if (bits.empty()) {
        bits = setup.harness.bytes(setup.y);
        squares = setup.harness.bytes(setup.squares);
        setup.harness.rerun();
      }
      EXPECT_EQ(setup.harness.bytes(setup.y), bits) << "candidate " << candidate;
      EXPECT_EQ(setup.harness.bytes(setup.squares), squares) << "candidate " << candidate;
    }
  }
}

const std::vector<Case>& quantisedCases() {
  static const std::vector<Case> cases = {
      {1, 16, 16, 32, 32, 32, 3, 1, kCircular, kQuantised | kBias | kNorm | kSquares},
      {2, 8, 8, 96, 0, 96, 3, 1, kCircular, kQuantised | kBias | kNorm | kModulated | kResidual | kSquares},
      {1, 16, 16, 32, 0, 64, 3, 2, kCircular, kQuantised | kBias | kSquares},
      {1, 8, 8, 96, 0, 64, 1, 1, kCircular, kQuantised | kBias | kUpsample | kSquares},
      {3, 7, 5, 19, 0, 13, 3, 1, kCircular, kQuantised | kEpilogue},
      {3, 7, 5, 19, 14, 16, 3, 1, kZero, kQuantised | kEpilogue | kNorm | kBeta | kModulated},
      {3, 7, 5, 19, 14, 16, 3, 1, kEdge, kQuantised | kEpilogue},
      {1, 10, 13, 12, 5, 24, 3, 2, kAfter, kQuantised | kEpilogue},
      {1, 1, 1, 3, 0, 5, 3, 1, kEdge, kQuantised | kBias},
      {1, 17, 1, 40, 0, 16, 3, 2, kCircular, kQuantised | kLaneBias},
  };
  return cases;
}

TEST_F(Conv2dInt8, MatchesTheReference) {
  for (const Case& c : quantisedCases()) check(asGpu(), c, 2);
}

TEST_F(Conv2dInt8, DotProductsMatchTheReference) {
  if (!caps().integerDotProduct) GTEST_SKIP() << "this device has no dot products of bytes";
  for (const Case& c : quantisedCases()) check(withoutMatrixUnits(), c, 3);
}

/// Sums of integers are exact: matrix units and dot products, in whatever tiles, give the same bits.
TEST_F(Conv2dInt8, NeitherTilesNorUnitsChangeTheBits) {
  const Case c{2, 13, 21, 40, 24, 72, 3, 1, kCircular, kQuantised | kEpilogue | kNorm};
  std::vector<std::byte> bits, squares;
  for (const vk::DeviceCaps& device : {asGpu(), withoutMatrixUnits()}) {
    if (!device.multipliesBytes()) continue;
    const std::uint32_t candidates = Convolution(device, c, 3).plan.choice.candidates;
    ASSERT_GT(candidates, 1u);
    for (const std::uint32_t candidate : {0u, candidates - 1}) {
      Convolution setup(device, c, 3, candidate);
      setup.harness.run(pipelines(), stream(), {setup.y, setup.squares});
      if (bits.empty()) {
        bits = setup.harness.bytes(setup.y);
        squares = setup.harness.bytes(setup.squares);
      }
      EXPECT_EQ(setup.harness.bytes(setup.y), bits) << "candidate " << candidate;
      EXPECT_EQ(setup.harness.bytes(setup.squares), squares) << "candidate " << candidate;
    }
  }
}

TEST_F(Conv2dInt8, RefusesWhatDoesNotFit) {
  OpHarness floats(caps(), DataType::F32, true);
  test::expectError(
      ErrorCode::MissingFeature, [&] { floats.graph.setQuantized(true); }, "fp16 storage");
  vk::DeviceCaps without = withoutMatrixUnits();
  vk::disableCapability(without, "integerDotProduct");
  OpHarness none(without, DataType::F16, true);
  test::expectError(
      ErrorCode::MissingFeature, [&] { none.graph.setQuantized(true); }, "shaderIntegerDotProduct");
}

/// Sizes as of a GPU: what the plan promises of shared memory and workgroups.
TEST(StagedTile, FitsTheDevice) {
  vk::DeviceCaps caps;
  caps.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  caps.cooperativeMatrix = caps.subgroupBallot = caps.storage16 = true;
  caps.subgroupSize = caps.minSubgroupSize = caps.maxSubgroupSize = 32;
  caps.maxWorkgroupInvocations = caps.maxWorkgroupSize[0] = 1024;
  caps.maxWorkgroupCount[0] = 0x7fffffff;
  constexpr auto kHalf = VK_COMPONENT_TYPE_FLOAT16_KHR, kFloat = VK_COMPONENT_TYPE_FLOAT32_KHR;
  caps.cooperativeMatrixShapes = {{16, 8, 16, kHalf, kHalf, kFloat, kFloat},
                                  {16, 16, 16, kHalf, kHalf, kFloat, kFloat}};
  for (const std::uint32_t memory : {16384u, 32768u, 49152u, 101376u}) {
    caps.sharedMemory = memory;
    for (const std::uint32_t size : {1u, 8u, 16u, 24u, 32u, 128u, 1024u, 4096u}) {
      for (const std::uint32_t n : {1u, 32u}) {
        for (const std::uint32_t kernel : {1u, 3u}) {
          const ops::Conv2dShape shape{n, size, size, 96, 96, kernel, 1, kCircular, DataType::F16};
          const ops::StagedTiles choice = ops::stagedTiles(caps, shape);
          ASSERT_LT(choice.usual, choice.tiles.size());
          for (const ops::StagedTile& tile : choice.tiles) {
            EXPECT_EQ(tile.m * tile.n * tile.k, 4096u);
            EXPECT_LE(ops::stagedSharedBytes(tile, shape, true, true), memory);
            EXPECT_LE(tile.subgroups() * 32, 1024u);
            EXPECT_GE(tile.tilesX * tile.tileX, size);
            EXPECT_GE(tile.tilesY * tile.tileY, size);
            EXPECT_GE(tile.columns * tile.columnOutputs(), 96u);
            EXPECT_LE(tile.tilesX * tile.tilesY, caps.maxWorkgroupCount[0]);
            // What decides the order of the sums.
            EXPECT_EQ(tile.tapSubgroups, choice.tiles.front().tapSubgroups);
            EXPECT_EQ(tile.blockChannels, choice.tiles.front().blockChannels);
            EXPECT_EQ(tile.k, choice.tiles.front().k);
          }
        }
      }
    }
  }
  // A small image is spread over many subgroups, a large one makes large tiles.
  const auto of = [&](std::uint32_t n, std::uint32_t size) {
    const ops::StagedTiles choice = ops::stagedTiles(caps, {n, size, size, 64, 64, 3, 1, kCircular, DataType::F16});
    return choice.tiles.at(choice.usual);
  };
  EXPECT_EQ(of(1, 8).tapSubgroups, 3u);
  EXPECT_EQ(of(1, 128).tapSubgroups, 1u);
  EXPECT_EQ(of(32, 8).tapSubgroups, 3u) << "the order of the sums is not a matter of the batch";
  EXPECT_GE(of(32, 128).tileX * of(32, 128).tileY, 128u);
  // Bytes on matrix units, and without.
  constexpr auto kByte = VK_COMPONENT_TYPE_SINT8_KHR, kInteger = VK_COMPONENT_TYPE_SINT32_KHR;
  caps.cooperativeMatrixShapes = {{16, 16, 32, kByte, kByte, kInteger, kInteger}};
  caps.shaderInt8 = caps.integerDotProduct = true;
  for (const bool units : {true, false}) {
    caps.cooperativeMatrix = units;
    for (const std::uint32_t size : {1u, 8u, 24u, 32u, 1024u}) {
      const ops::Conv2dShape shape{1, size, size, 96, 96, 3, 1, kCircular, DataType::F16, true};
      const ops::StagedTiles choice = ops::stagedTiles(caps, shape);
      ASSERT_LT(choice.usual, choice.tiles.size());
      for (const ops::StagedTile& tile : choice.tiles) {
        EXPECT_EQ(tile.product, units ? ops::StagedProduct::Bytes : ops::StagedProduct::Dot);
        EXPECT_EQ(tile.blockChannels % tile.k, 0u);
        EXPECT_LE(ops::stagedSharedBytes(tile, shape, true, true), caps.sharedMemory);
        EXPECT_GE(tile.columns * tile.columnOutputs(), 96u);
      }
    }
  }
  caps.cooperativeMatrix = true;
  caps.cooperativeMatrixShapes = {{16, 16, 16, kHalf, kHalf, kHalf, kHalf}};
  EXPECT_TRUE(ops::stagedTiles(caps, {1, 8, 8, 64, 64, 3, 1, kCircular, DataType::F16}).tiles.empty())
      << "sums in halves are not enough";
}

}  // namespace
}  // namespace rivulet::test
