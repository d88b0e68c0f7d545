#include "engine/sampling_ops.h"

#include "core/philox.h"
#include "ops/op_harness.h"
#include "samplers/cpu_step.h"

namespace rivulet::test {
namespace {

using engine::SamplerShape;
using engine::SamplerState;

constexpr std::uint32_t kLanes = 3, kHeight = 5, kWidth = 7;

/// Parameters that use every term, different for each lane.
StepParams randomParams(std::mt19937& random, std::uint32_t flags, std::uint32_t pushSlot) {
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  StepParams p{};
  for (float* v : {&p.p, &p.q, &p.a, &p.b, &p.c, &p.f, &p.d0, &p.d1, &p.d2, &p.e, &p.sa, &p.sb, &p.sc, &p.sf, &p.sd0,
                   &p.sd1, &p.sd2, &p.nextInputScale}) {
    *v = uniform(random);
  }
  p.clipLow = -0.8f;
  p.clipHigh = 0.7f;
  p.logVarianceMin = -3.0f;
  p.logVarianceMax = -1.0f;
  p.guidance = 2.5f;
  p.inputScale = 1.0f;
  p.flags = flags;
  p.pushSlot = pushSlot;
  p.seedLow = static_cast<std::uint32_t>(random());
  p.seedHigh = static_cast<std::uint32_t>(random());
  p.noiseStream = static_cast<std::uint32_t>(NoiseStream::Step);
  p.noiseStep = 17;
  p.originX = -3;
  p.originY = 1000000;
  return p;
}

std::vector<float> noiseOf(const StepParams& p, std::uint32_t channels, std::uint32_t width, std::uint32_t height) {
  const NoiseKey key{(std::uint64_t{p.seedHigh} << 32) | p.seedLow, static_cast<NoiseStream>(p.noiseStream),
                     p.noiseStep};
  std::vector<float> noise(std::size_t{width} * height * channels);
  fillNoise(key, {p.originX, p.originY, width, height}, channels, channels, noise);
  return noise;
}

/// [texels][channels] of an image of the batch.
std::vector<float> texels(const Image& image, std::uint32_t n) {
  std::vector<float> values;
  for (std::uint32_t y = 0; y < image.desc.h; ++y) {
    for (std::uint32_t x = 0; x < image.desc.w; ++x) {
      for (std::uint32_t c = 0; c < image.desc.c; ++c) values.push_back(image.at(n, c, y, x));
    }
  }
  return values;
}

class SamplingOps : public GpuVariantTest {
 protected:
  std::vector<DataType> types() const {
    std::vector<DataType> types = {DataType::F32};
    if (caps().storage16) types.push_back(DataType::F16);
    return types;
  }
};

TEST_P(SamplingOps, NoiseBetweenTwoSeedsIsTheCpus) {
  OpHarness harness(caps(), DataType::F32, false);
  const SamplerState state =
      engine::samplerState(harness.graph, {.lanes = kLanes, .height = kHeight, .width = kWidth, .channels = 3});
  engine::initialNoise(harness.graph, state);
  harness.run(pipelines(), stream(), {});
  StepPlan plan;
  plan.initialNoiseScale = 2.0;
  plan.calls.resize(1);
  plan.calls[0].inputScale = 1;
  const NoiseWalk walks[kLanes] = {{7, 8, 0.3f}, {7, 8, 1.0f}, {9, 8, 0.75f}};
  std::vector<StepParams> params(2 * kLanes);
  for (std::uint32_t n = 0; n < kLanes; ++n) {
    std::tie(params[n], params[kLanes + n]) = engine::initialNoiseParams(plan, {.originX = -4, .originY = 9}, walks[n]);
  }
  harness.write(state.initialParams, engine::packStepParams(params));
  harness.evaluate();
  const TensorDesc desc = harness.graph.desc(state.x);
  const std::vector<std::byte> bytes = harness.bytes(state.x);
  for (std::uint32_t n = 0; n < kLanes; ++n) {
    std::vector<float> want(bytes.size() / kLanes / sizeof(float)), have(want.size());
    fillNoise(walks[n], {-4, 9, kWidth, kHeight}, 3, desc.stride(), want);
    std::memcpy(have.data(), bytes.data() + n * have.size() * sizeof(float), have.size() * sizeof(float));
    for (std::size_t i = 0; i < want.size(); ++i) {
      // A scale of two is exact; at the end of a walk one seed is left, to the bit.
      if (n == 1) {
        ASSERT_EQ(have[i], 2 * want[i]);
      }
      ASSERT_NEAR(have[i], 2 * want[i], 1e-6f) << "lane " << n;
    }
  }
}

TEST_P(SamplingOps, NoiseHasTheBitsOfTheCpu) {
  for (const std::uint32_t channels : {3u, 4u, 9u}) {
    for (const bool guided : {false, true}) {
      for (const DataType type : types()) {
        OpHarness harness(caps(), type, false);
        const SamplerState state = engine::samplerState(
            harness.graph,
            {.lanes = kLanes, .height = kHeight, .width = kWidth, .channels = channels, .guided = guided});
        engine::initialNoise(harness.graph, state);
        harness.run(pipelines(), stream(), {});
        StepPlan plan;
        plan.initialNoiseScale = 4.0;
        plan.calls.resize(1);
        plan.calls[0].inputScale = 0.25;
        std::vector<StepParams> params;
        for (std::uint32_t n = 0; n < kLanes; ++n) {
          params.push_back(engine::initialNoiseParams(
              plan, {.seed = 0x123456789abcdefull + n, .originX = -4 + static_cast<std::int32_t>(n), .originY = 9}));
        }
        params[1].flags &= ~RVL_STEP_ACTIVE;
        harness.write(state.initialParams, engine::packStepParams(params));
        const std::vector<std::byte> before = harness.bytes(state.x);
        harness.evaluate();

        const TensorDesc desc = harness.graph.desc(state.x);
        const std::vector<std::byte> after = harness.bytes(state.x), input = harness.bytes(state.modelInput);
        const std::size_t lane = after.size() / kLanes;
        EXPECT_EQ(std::memcmp(after.data() + lane, before.data() + lane, lane), 0) << "an inactive lane changed";
        for (const std::uint32_t n : {0u, 2u}) {
          std::vector<float> want(lane / sizeof(float));
          fillNoise({0x123456789abcdefull + n, NoiseStream::Initial, 0},
                    {-4 + static_cast<std::int32_t>(n), 9, kWidth, kHeight}, channels, desc.stride(), want);
          for (float& v : want) v *= 4.0f;
          EXPECT_EQ(std::memcmp(after.data() + n * lane, want.data(), lane), 0) << channels << " channels, lane " << n;
          // The network's input, once or twice: noise times 1, a power of two away from the fixed point.
          for (std::uint32_t half = 0; half < (guided ? 2u : 1u); ++half) {
            const std::size_t size = want.size() * sizeOf(type);
            const std::byte* have = input.data() + (n + half * kLanes) * size;
            std::vector<std::byte> scaled(size);
            for (std::size_t i = 0; i < want.size(); ++i) {
              const float v = want[i] * 0.25f;
              if (type == DataType::F32) {
                std::memcpy(scaled.data() + i * 4, &v, 4);
              } else {
                const std::uint16_t bits = floatToHalf(v);
                std::memcpy(scaled.data() + i * 2, &bits, 2);
              }
            }
            if (type == DataType::F32) {
              EXPECT_EQ(std::memcmp(have, scaled.data(), size), 0);
            }
            // fp16: the driver may round the last bit its own way.
            for (std::size_t i = 0; type == DataType::F16 && i < want.size(); ++i) {
              std::uint16_t a = 0, b = 0;
              std::memcpy(&a, have + i * 2, 2);
              std::memcpy(&b, scaled.data() + i * 2, 2);
              ASSERT_NEAR(halfToFloat(a), halfToFloat(b), 2e-3f);
            }
          }
        }
      }
    }
  }
}

TEST_P(SamplingOps, StepMatchesTheCpu) {
  struct Case {
    std::uint32_t channels;
    bool guided, learned, buffer;
    std::uint32_t flags;
  };
  constexpr std::uint32_t kAll = RVL_STEP_SAVE | RVL_STEP_PUSH | RVL_STEP_READ_SAVED | RVL_STEP_READ_HISTORY0 |
                                 RVL_STEP_READ_HISTORY1 | RVL_STEP_READ_HISTORY2 | RVL_STEP_NOISE;
  const std::vector<Case> cases = {
      {3, false, false, false, kAll},
      {3, true, true, false, kAll},
      {4, true, false, true, kAll},
      {9, false, true, true, kAll},
      {3, false, false, false, 0},  // nothing is read but x: the rest is NaN
      {5, false, false, false, RVL_STEP_SAVE | RVL_STEP_PUSH},
      {3, true, false, false, RVL_STEP_READ_HISTORY1 | RVL_STEP_NOISE},
  };
  for (const Case& c : cases) {
    for (const DataType type : types()) {
      std::mt19937 random(c.channels + c.flags);
      const bool reads = (c.flags & RVL_STEP_READ_SAVED) != 0;
      const TensorDesc stateDesc{kLanes, kHeight, kWidth, c.channels, DataType::F32};
      OpHarness harness(caps(), type, false);
      SamplerState s = engine::samplerState(harness.graph, {.lanes = kLanes,
                                                            .height = kHeight,
                                                            .width = kWidth,
                                                            .channels = c.channels,
                                                            .guided = c.guided,
                                                            .saved = true,
                                                            .history = true,
                                                            .x0 = true,
                                                            .noise = c.buffer});
      TensorDesc outputDesc = harness.graph.desc(s.modelInput);
      if (c.learned) outputDesc.c *= 2;
      const Image output = randomImage(random, outputDesc);
      const graph::Tensor modelOutput = harness.input(output, "model_output");
      engine::sampleStep(harness.graph, s, modelOutput);
      harness.run(pipelines(), stream(), {});

      const auto fill = [&](graph::Tensor tensor) {
        const Image image = randomImage(random, stateDesc);
        harness.write(tensor, graph::packNchw(image.values, stateDesc));
        return image;
      };
      const Image x = fill(s.x);
      Image saved, history[3], noise;
      if (reads) saved = fill(s.saved);
      for (std::uint32_t i = 0; i < 3; ++i) {
        if ((c.flags & (RVL_STEP_READ_HISTORY0 | RVL_STEP_READ_HISTORY1)) != 0) history[i] = fill(s.history[i]);
      }
      if (c.buffer) noise = fill(s.noise);
      std::vector<StepParams> params;
      for (std::uint32_t n = 0; n < kLanes; ++n) {
        std::uint32_t flags = c.flags | RVL_STEP_ACTIVE;
        if (c.guided) flags |= RVL_STEP_GUIDED;
        if (c.learned) flags |= RVL_STEP_LEARNED_VARIANCE;
        if (c.buffer) flags |= RVL_STEP_NOISE_BUFFER;
        params.push_back(randomParams(random, flags, n));
      }
      params[1].flags &= ~RVL_STEP_ACTIVE;
      harness.write(s.stepParams, engine::packStepParams(params));
      const std::vector<graph::Tensor> all = {s.x,          s.saved, s.history[0], s.history[1],
                                              s.history[2], s.x0,    s.modelInput};
      std::vector<std::vector<std::byte>> before;
      for (const graph::Tensor tensor : all) before.push_back(harness.bytes(tensor));
      harness.evaluate();

      const std::string what = std::to_string(c.channels) + " channels, flags " + std::to_string(c.flags);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::vector<std::byte> after = harness.bytes(all[i]);
        const std::size_t lane = after.size() / harness.graph.desc(all[i]).n;
        EXPECT_EQ(std::memcmp(after.data() + lane, before[i].data() + lane, lane), 0)
            << what << ": an inactive lane changed " << harness.graph.name(all[i]);
      }
      for (const std::uint32_t n : {0u, 2u}) {
        StepState state;
        state.x = texels(x, n);
        if (reads) state.saved = texels(saved, n);
        for (std::uint32_t i = 0; i < 3; ++i) {
          if (!history[i].values.empty()) state.history[i] = texels(history[i], n);
        }
        StepInput input;
        input.channels = c.channels;
        input.stride = outputDesc.c;
        const std::vector<float> model = texels(output, n), uncond = c.guided ? texels(output, n + kLanes) : model;
        const std::vector<float> drawn = c.buffer ? texels(noise, n) : noiseOf(params[n], c.channels, kWidth, kHeight);
        input.model = model;
        input.uncond = uncond;
        input.noise = drawn;
        const std::size_t pushed = n % 3;
        cpuStep(params[n], input, state);

        const auto laneValues = [&](graph::Tensor tensor, std::uint32_t lane) {
          const TensorDesc desc = harness.graph.desc(tensor);
          const std::vector<std::byte> bytes = harness.bytes(tensor);
          const std::size_t size = bytes.size() / desc.n;
          TensorDesc one = desc;
          one.n = 1;
          const auto own = std::span(bytes).subspan(lane * size, size);
          EXPECT_EQ(nonZeroPadding(own, one), 0u) << what << ", padding of " << harness.graph.name(tensor);
          return texels({one, graph::unpackNchw(own, one)}, 0);
        };
        // Bits, where the driver's arithmetic is IEEE (and exp is not involved).
        const double tolerance = c.learned ? 1e-6 : 0.0;
        const auto same = [&](const std::vector<float>& have, const std::vector<float>& want, const char* name) {
          ASSERT_EQ(have.size(), want.size());
          for (std::size_t i = 0; i < have.size(); ++i) {
            ASSERT_NEAR(have[i], want[i], tolerance) << what << ", " << name << "[" << i << "] of lane " << n;
          }
        };
        same(laneValues(s.x, n), state.x, "x");
        if ((c.flags & RVL_STEP_SAVE) != 0) same(laneValues(s.saved, n), state.saved, "saved");
        if ((c.flags & RVL_STEP_PUSH) != 0) {
          same(laneValues(s.history[pushed], n), state.history[pushed], "history");
          same(laneValues(s.x0, n), state.history[pushed], "x0");
        }
        for (std::uint32_t half = 0; half < (c.guided ? 2u : 1u); ++half) {
          const std::vector<float> have = laneValues(s.modelInput, n + half * kLanes);
          for (std::size_t i = 0; i < have.size(); ++i) {
            ASSERT_NEAR(have[i], state.x[i] * params[n].nextInputScale, type == DataType::F32 ? 1e-6 : 5e-3) << what;
          }
        }
      }
    }
  }
}

RVL_INSTANTIATE_OP_VARIANTS(SamplingOps);

class SamplingOpsDevice : public GpuTest {};

// A plan that saves and pushes on a state without the tensors: only x and the input change.
TEST_F(SamplingOpsDevice, MissingTensorsAreNotWritten) {
  OpHarness harness(caps(), DataType::F32, false);
  const SamplerState s = engine::samplerState(harness.graph, {.lanes = 1, .height = 4, .width = 4, .channels = 3});
  const Image output = makeImage({1, 4, 4, 3, DataType::F32});
  const Image sentinel = makeImage({1, 4, 4, 3, DataType::F32});
  engine::sampleStep(harness.graph, s, harness.input(output, "model_output"));
  const graph::Tensor other = harness.input(sentinel, "other");
  harness.run(pipelines(), stream(), {});
  std::mt19937 random(1);
  const Image x = randomImage(random, {1, 4, 4, 3, DataType::F32});
  harness.write(s.x, graph::packNchw(x.values, x.desc));
  StepParams params = randomParams(random, ~RVL_STEP_LAST, 0);
  params.a = 1.0f;
  params.b = params.f = params.e = 0.0f;
  params.nextInputScale = 1.0f;
  harness.write(s.stepParams, engine::packStepParams({&params, 1}));
  const std::vector<std::byte> initial = harness.bytes(s.initialParams);
  harness.evaluate();
  EXPECT_EQ(harness.read(s.x).values, x.values);
  EXPECT_EQ(harness.read(s.modelInput).values, x.values);
  EXPECT_EQ(harness.read(other).values, sentinel.values);
  EXPECT_EQ(harness.bytes(s.initialParams), initial);
}

TEST_F(SamplingOpsDevice, ErrorsNameTheTensorAndTheShapes) {
  OpHarness harness(caps(), DataType::F32, false);
  graph::Graph& g = harness.graph;
  const SamplerState good =
      engine::samplerState(g, {.lanes = 2, .height = 4, .width = 4, .channels = 3, .history = true});
  const graph::Tensor wrong = g.persistent({2, 4, 5, 3, DataType::F32}, "wrong");
  EXPECT_EQ(errorOf([&] { engine::sampleStep(g, good, wrong); }),
            "sampler: 'wrong' is [2,4,5,3] f32, it must be [2,4,4,3] f32");
  SamplerState s = good;
  s.x0 = wrong;
  EXPECT_EQ(errorOf([&] { engine::initialNoise(g, s); }),
            "sampler: 'wrong' is [2,4,5,3] f32, it must be [2,4,4,3] f32");
  s = good;
  s.history[1] = {};
  EXPECT_EQ(errorOf([&] { engine::initialNoise(g, s); }),
            "sampler: the history is a ring of three tensors: all or none");
  s = good;
  s.x = {};
  EXPECT_EQ(errorOf([&] { engine::initialNoise(g, s); }), "sampler: x, modelInput and the parameters are needed");
  EXPECT_NE(errorOf([&] { engine::initialNoiseParams({}); }).find("a plan of 0 steps"), std::string::npos);
}

}  // namespace
}  // namespace rivulet::test
