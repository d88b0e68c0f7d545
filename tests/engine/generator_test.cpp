// Whole requests on a small network with random weights.
#include "engine/generator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/evaluator.h"
#include "samplers/registry.h"
#include "support/expect_error.h"
#include "support/gpu_fixture.h"
#include "support/tiny_texture_unet.h"

namespace rivulet::engine {
namespace {

class GeneratorTest : public test::GpuTest {
 protected:
  Generator make(const std::shared_ptr<const models::Network>& network, std::uint32_t lanes = 4,
                 Precision precision = Precision::Fp32) {
    GeneratorOptions options;
    options.lanes = lanes;
    options.precision = precision;
    return Generator(network, pipelines(), options);
  }
  static const std::shared_ptr<const models::Network>& tiny() {
    static const std::shared_ptr<const models::Network> network = test::TinyTextureUNet().load();
    return network;
  }
  static Request request(std::uint32_t classIndex, std::uint64_t seed, std::uint32_t steps = 3) {
    Request r;
    r.classes = {{classIndex, 1.0f}};
    r.seed = seed;
    r.steps = steps;
    return r;
  }
};

TEST_F(GeneratorTest, TheSameRequestGivesTheSameBytes) {
  Generator generator = make(tiny());
  const Texture a = generator.generate(request(0, 7));
  const Texture b = generator.generate(request(0, 7));
  EXPECT_EQ(a.pixels, b.pixels);
  EXPECT_TRUE(a.finite);
  EXPECT_EQ(a.width, 16u);
  EXPECT_EQ(a.pixels.size(), 3u * 16 * 16);
  EXPECT_EQ(make(tiny()).generate(request(0, 7)).pixels, a.pixels);
  EXPECT_NE(generator.generate(request(0, 8)).pixels, a.pixels);
  Request other = request(1, 7);
  other.style = a.request.style;  // only the class differs
  EXPECT_NE(generator.generate(other).pixels, a.pixels);
}

TEST_F(GeneratorTest, TheBatchDoesNotChangeATexture) {
  // Classes, seeds, steps, samplers, styles all mixed: lanes finish at different times and are filled again.
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 7; ++i) requests.push_back(request(i % 3, 100 + i, 1 + i % 4));
  requests[2].sampler = "flow_heun";
  requests[3].sampler = "ddim";
  requests[4].style = std::vector<float>(10, 0.3f);
  requests[5].classes = {{0, 0.5f}, {1, 0.5f}};
  std::vector<Texture> alone;
  alone.reserve(requests.size());
  Generator single = make(tiny(), 1);
  for (const Request& r : requests) alone.push_back(single.generate(r));
  for (const std::uint32_t lanes : {2u, 3u, 7u}) {
    Generator generator = make(tiny(), lanes);
    const std::vector<Texture> together = generator.generate(requests);
    ASSERT_EQ(together.size(), requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(together[i].pixels, alone[i].pixels) << "request " << i << " of " << lanes << " lanes";
  }
}

TEST_F(GeneratorTest, TheBatchDoesNotChangeATextureInHalfPrecision) {
  if (!caps().storage16) GTEST_SKIP() << "this device does not store fp16";
  std::vector<Request> requests{request(0, 1), request(1, 2), request(2, 3)};
  const std::vector<Texture> together = make(tiny(), 3, Precision::Fp16).generate(requests);
  Generator single = make(tiny(), 1, Precision::Fp16);
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(together[i].pixels, single.generate(requests[i]).pixels);
}

TEST_F(GeneratorTest, GuidanceActsAndLeavesUnguidedLanesAlone) {
  Generator generator = make(tiny());
  Request guided = request(0, 7);
  guided.guidance = 3.0f;
  const Texture plain = generator.generate(request(0, 7));
  const Texture strong = generator.generate(guided);
  EXPECT_NE(strong.pixels, plain.pixels);
  const std::vector<Texture> mixed = generator.generate(std::vector<Request>{guided, request(0, 7), guided});
  EXPECT_EQ(mixed[0].pixels, strong.pixels);
  EXPECT_EQ(mixed[1].pixels, plain.pixels);
  EXPECT_EQ(mixed[2].pixels, strong.pixels);
}

TEST_F(GeneratorTest, GuidanceIsWhatTheFormulaSays) {
  // One step of flow Euler from t = 1 to 0 ends at x0, which for a network that predicts x0 is its guided output.
  Request r = request(1, 5, 1);
  r.guidance = 2.5f;
  const Texture texture = make(tiny()).generate(r);
  const Request resolved = resolve(tiny()->info(), r);
  const StepPlan plan = makePlan(tiny()->info(), resolved);
  const std::size_t channels = tiny()->conditioning().channels;
  std::vector<float> noise(3 * 16 * 16), conditioning(2 * channels), x(2 * noise.size());
  std::vector<float> hwc(noise.size());
  fillNoise({r.seed, NoiseStream::Initial, 0}, {0, 0, 16, 16}, 3, 3, hwc);
  for (std::size_t p = 0; p < 256; ++p) {
    for (std::size_t c = 0; c < 3; ++c) x[c * 256 + p] = x[noise.size() + c * 256 + p] = hwc[p * 3 + c];
  }
  fillConditioning(*tiny(), resolved, plan.calls[0], false, std::span(conditioning).first(channels));
  fillConditioning(*tiny(), resolved, plan.calls[0], true, std::span(conditioning).last(channels));
  Evaluator evaluator(*tiny(), pipelines(), stream(), {2, 16, 16, DataType::F32});
  const std::vector<float> y = evaluator.run(x, conditioning);
  for (std::size_t i = 0; i < noise.size(); ++i) {
    const float cond = y[i], uncond = y[noise.size() + i];
    EXPECT_NEAR(texture.pixels[i], std::clamp(uncond + 2.5f * (cond - uncond), -1.0f, 1.0f), 1e-5f);
  }
}

TEST_F(GeneratorTest, AModelWithAGuidanceInputIsToldItInstead) {
  test::TinyTextureUNet model;
  model.guidance = true;
  model.targetTime = true;
  const std::shared_ptr<const models::Network> network = model.load();
  Generator generator = make(network);
  Request r = request(0, 7);
  const Texture plain = generator.generate(r);
  r.guidance = 2.0f;
  EXPECT_NE(generator.generate(r).pixels, plain.pixels);
  EXPECT_FALSE(needsGuidance(network->info(), r));
}

TEST_F(GeneratorTest, StyleAndBlendAct) {
  Generator generator = make(tiny());
  const Texture drawn = generator.generate(request(0, 7));
  Request styled = request(0, 7);
  styled.style = drawn.request.style;
  EXPECT_EQ(generator.generate(styled).pixels, drawn.pixels);  // giving what would have been drawn changes nothing
  styled.style[0] += 1.0f;
  EXPECT_NE(generator.generate(styled).pixels, drawn.pixels);
  Request blend = request(0, 7);
  blend.classes = {{0, 0.5f}, {1, 0.5f}};
  blend.style = drawn.request.style;
  EXPECT_NE(generator.generate(blend).pixels, drawn.pixels);
}

TEST_F(GeneratorTest, EverySamplerRunsOnItsProcess) {
  test::TinyTextureUNet diffusion;
  diffusion.prediction = "epsilon";
  diffusion.schedule = {{"kind", "vp_linear"}};
  const std::shared_ptr<const models::Network> vp = diffusion.load();
  Generator onFlow = make(tiny()), onVp = make(vp);
  std::size_t ran = 0;
  for (const std::string_view name : samplerNames()) {
    Request r = request(0, 7, 4);
    r.sampler = std::string(name);
    std::size_t served = 0;
    for (Generator* generator : {&onFlow, &onVp}) {
      try {
        makePlan(generator->network().info(), r);
      } catch (const Error&) {
        continue;  // not on this process
      }
      const Texture texture = generator->generate(r);
      EXPECT_TRUE(texture.finite) << name;
      EXPECT_EQ(texture.sampler, name);
      EXPECT_EQ(generator->generate(r).pixels, texture.pixels) << name;
      ++served;
    }
    EXPECT_GT(served, 0u) << name;
    ran += served;
  }
  EXPECT_GE(ran, samplerNames().size());
}

TEST_F(GeneratorTest, SizesMayBeMixedAndNeedNotBeSquare) {
  std::vector<Request> requests(4, request(0, 7, 2));
  constexpr std::uint32_t kSizes[4][2] = {{40, 24}, {16, 16}, {8, 96}, {40, 24}};
  for (std::size_t i = 0; i < 4; ++i) {
    requests[i].width = kSizes[i][0];
    requests[i].height = kSizes[i][1];
  }
  Generator generator = make(tiny());
  const std::vector<Texture> textures = generator.generate(requests);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(textures[i].pixels.size(), std::size_t{3} * kSizes[i][0] * kSizes[i][1]);
    EXPECT_TRUE(textures[i].finite);
    EXPECT_EQ(textures[i].pixels, make(tiny()).generate(requests[i]).pixels) << "request " << i;
  }
}

TEST_F(GeneratorTest, KeepsAsManySizesAsItWasTold) {
  GeneratorOptions options;
  options.maxExecutables = 1;
  Generator generator(tiny(), pipelines(), options);
  Request large = request(0, 7, 1);
  large.width = large.height = 64;
  const std::vector<float> first = generator.generate(request(0, 7)).pixels;
  const std::uint64_t small = generator.memory().arenaBytes;
  generator.generate(large);
  EXPECT_GT(generator.memory().arenaBytes, small);
  EXPECT_EQ(generator.generate(request(0, 7)).pixels, first);
  EXPECT_EQ(generator.memory().arenaBytes, small);
}

TEST_F(GeneratorTest, AllocatesWhatIsPlanned) {
  Generator generator = make(tiny());
  generator.generate(request(0, 7));
  const MemoryUse use = generator.memory();
  LaneShape shape;
  shape.height = shape.width = 16;
  shape.needs = needsOf(makePlan(tiny()->info(), request(0, 7)));
  const graph::MemoryPlan plan = buildLaneGraph(*tiny(), caps(), shape).graph.memory();
  EXPECT_EQ(use.arenaBytes, plan.arenaBytes);
  EXPECT_EQ(use.weightBytes, plan.weightBytes);
  EXPECT_GE(use.allocatedBytes, plan.arenaBytes + plan.weightBytes);
  EXPECT_LE(use.allocatedBytes, plan.arenaBytes + plan.weightBytes + 2 * 4096);  // the allocator's rounding, twice
  EXPECT_LT(plan.arenaBytes, plan.unsharedBytes);
}

TEST_F(GeneratorTest, ReportsProgress) {
  Generator generator = make(tiny());
  std::size_t compiled = 0, compileTotal = 0, last = 0, total = 0;
  const std::vector<Request> requests{request(0, 1, 2), request(1, 2, 5)};
  std::size_t ready = 0;
  generator.generate(
      requests,
      [&](const Progress& progress) {
        if (progress.stage == Progress::Stage::Compiling) {
          compiled = progress.done;
          compileTotal = progress.total;
        } else if (progress.stage == Progress::Stage::FirstRun) {
          EXPECT_LT(progress.done, progress.total);
        } else {
          EXPECT_GE(progress.done, last);
          last = progress.done;
          total = progress.total;
        }
      },
      [&](std::size_t index, Texture& texture) {
        EXPECT_EQ(texture.request.seed, requests[index].seed);
        ++ready;
      });
  EXPECT_EQ(compiled, compileTotal);
  EXPECT_GT(compileTotal, 0u);
  EXPECT_EQ(last, total);
  EXPECT_EQ(total, 7u);
  EXPECT_EQ(ready, 2u);
}

TEST_F(GeneratorTest, AnExceptionFromACallbackLeavesItUsable) {
  Generator generator = make(tiny());
  const Texture before = generator.generate(request(0, 7));
  struct Stop {};
  EXPECT_THROW(generator.generate(request(1, 9, 6),
                                  [](const Progress& progress) {
                                    if (progress.stage == Progress::Stage::Sampling && progress.done == 2) throw Stop();
                                  }),
               Stop);
  EXPECT_EQ(generator.generate(request(0, 7)).pixels, before.pixels);
}

TEST_F(GeneratorTest, RefusesSizesThatCannotBe) {
  Generator generator = make(tiny());
  Request r = request(0, 7);
  r.width = r.height = 20;
  test::expectError(
      ErrorCode::InvalidArgument, [&] { generator.generate(r); }, "20x20", "multiples of 8");
  r.width = r.height = 65536;
  test::expectError(
      ErrorCode::InvalidArgument, [&] { generator.generate(r); }, "65536x65536", "16384x16384");
  EXPECT_TRUE(generator.generate(request(0, 7)).finite);
}

TEST_F(GeneratorTest, AnArenaTheDeviceCannotHoldIsRefusedWithTheBytes) {
  graph::MemoryPlan plan;
  plan.arenaBytes = std::uint64_t{1} << 50;
  plan.weightBytes = 4096;
  test::expectError(
      ErrorCode::OutOfDeviceMemory, [&] { checkMemory(plan, *device(), "'tiny' at 16384x16384"); },
      "'tiny' at 16384x16384 needs 1125899906842624 bytes", "4096 for weights", "in one buffer");
}

TEST_F(GeneratorTest, ASizeBeyondEveryIndexIsRefusedWithTheBytes) {
  // 2^28 pixels of 24 channels and more: too many for 32-bit indices whatever the device's memory.
  test::TinyTextureUNet model;
  model.shuffle = 32;
  Generator generator = make(model.load(), 1);
  Request r = request(0, 7);
  r.width = r.height = 16384;
  test::expectError(
      ErrorCode::OutOfDeviceMemory, [&] { generator.generate(r); }, "16384x16384 with 1 lane needs about", "2^32",
      "bytes, at most");
}

TEST_F(GeneratorTest, NamesTheRequestThatIsWrong) {
  Generator generator = make(tiny());
  std::vector<Request> requests{request(0, 1), request(0, 2)};
  requests[1].sampler = "magic";
  test::expectError(
      ErrorCode::InvalidArgument, [&] { generator.generate(requests); }, "request 1", "magic");
}

/// Sizes share weights where their kernels want one layout; weights that do not fit are made anew, not misread.
TEST_F(GeneratorTest, WeightsThatDoNotFitAreMadeAnew) {
  test::TinyTextureUNet wider;
  wider.widths[0] = 24;
  const EvaluationShape shape{1, 16, 16, DataType::F32};
  const Evaluator other(*wider.load(), pipelines(), stream(), shape);
  const std::shared_ptr<const models::Network> network = tiny();
  Evaluator own(*network, pipelines(), stream(), shape), given(*network, pipelines(), stream(), shape, other.weights());
  EXPECT_NE(given.weights(), other.weights());
  const std::vector<float> x(3 * 16 * 16, 0.5f), conditioning(network->conditioning().channels, 0.25f);
  EXPECT_EQ(given.run(x, conditioning), own.run(x, conditioning));
  const Evaluator sharing(*network, pipelines(), stream(), {2, 24, 16, DataType::F32}, own.weights());
  EXPECT_EQ(sharing.weights(), own.weights());
}

class GeneratorNoStorage16 : public test::GpuNoStorage16Test {};

TEST_F(GeneratorNoStorage16, SaysWhatHalfPrecisionNeeds) {
  GeneratorOptions options;
  options.precision = Precision::Fp16;
  Generator generator(test::TinyTextureUNet().load(), pipelines(), options);
  Request r;
  r.classes = {{0, 1.0f}};
  test::expectError(
      ErrorCode::MissingFeature, [&] { generator.generate(r); }, "fp16", "use fp32");
}

class GeneratorVariants : public test::GpuVariantTest {};

TEST_P(GeneratorVariants, EveryFallbackMakesTheTexture) {
  const std::shared_ptr<const models::Network> network = test::TinyTextureUNet().load();
  Request r;
  r.classes = {{0, 1.0f}};
  r.seed = 7;
  r.steps = 2;
  const Texture texture = Generator(network, pipelines()).generate(r);
  const test::SharedGpu& usual = test::sharedGpu();
  const Texture expected = Generator(network, *usual.pipelines).generate(r);
  ASSERT_TRUE(texture.finite);
  for (std::size_t i = 0; i < texture.pixels.size(); ++i) ASSERT_NEAR(texture.pixels[i], expected.pixels[i], 1e-3f);
}

RVL_INSTANTIATE_GPU_VARIANTS(GeneratorVariants);

}  // namespace
}  // namespace rivulet::engine
