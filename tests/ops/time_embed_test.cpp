#include "ops/time_embed.h"

#include "ops/op_harness.h"

namespace rivulet::test {
namespace {

using ops::TimeEmbedTerm;

class TimeEmbed : public GpuVariantTest {};

/// The definition: angles in float as torch has them, sine and cosine in double.
void append(std::vector<float>& features, const ops::TimeEmbedDesc& desc, float scalar) {
  for (int half = 0; half < 2; ++half) {
    for (std::uint32_t i = 0; i < desc.frequencies; ++i) {
      const double exponent = -std::log(double{desc.maxPeriod}) * i / (desc.frequencies - double{desc.freqShift});
      const float scaled = scalar * desc.inputScale;
      const float angle = scaled * static_cast<float>(std::exp(exponent));
      features.push_back(
          static_cast<float>((half == 0) == desc.cosFirst ? std::cos(double{angle}) : std::sin(double{angle})));
    }
  }
}

TEST_P(TimeEmbed, MatchesReference) {
  std::mt19937 random(4);
  for (const KernelChoice& choice : kernelChoices(caps())) {
    // Angles up to 1000, where a driver's own sine may be anything.
    Image source = randomImage(random, {5, 1, 1, 9, DataType::F32});
    const std::vector<float> t = {1.0f, 0.0f, 0.5f, 0.9999f, 1e-3f}, k = {999.0f, 0.0f, 500.0f, 1.0f, 250.5f};
    for (std::uint32_t n = 0; n < 5; ++n) {
      source.at(n, 0, 0, 0) = t[n];
      source.at(n, 3, 0, 0) = k[n];
      source.at(n, 4, 0, 0) = -k[n];
    }
    std::vector<TimeEmbedTerm> terms(3);
    terms[0].desc.inputScale = 1000.0f;
    terms[0].desc.frequencies = 32;
    terms[1] = {{"", 7, false, 1.0f, 10000.0f, 1.0f}, 3};
    terms[2] = {{"", 3, true, 0.5f, 100.0f, 1.0f}, 4};
    OpHarness harness(caps(), choice.type, choice.asGpu);
    const graph::Tensor y = ops::timeEmbed(harness.graph, "t", harness.input(source, "source"), terms, 2, 6);
    harness.run(pipelines(), stream(), {y});
    const Image have = harness.read(y);
    ASSERT_EQ(have.desc, (TensorDesc{5, 1, 1, 64 + 14 + 6 + 6, DataType::F32}));
    Image want = makeImage(have.desc);
    want.values.clear();
    for (std::uint32_t n = 0; n < 5; ++n) {
      for (const TimeEmbedTerm& term : terms) append(want.values, term.desc, source.at(n, term.channel, 0, 0));
      for (std::uint32_t c = 2; c < 8; ++c) want.values.push_back(source.at(n, c, 0, 0));
    }
    expectClose(have, want, 1e-6f, 1e-7f, nameOf(choice));
    const std::vector<std::byte> bytes = harness.bytes(y);
    harness.rerun();
    EXPECT_EQ(harness.bytes(y), bytes);
  }
}

TEST_P(TimeEmbed, SineIsAccurateOverAWideRange) {
  // One frequency of 1: the features are cos(t) and sin(t).
  constexpr std::uint32_t kCount = 4001;
  Image source = makeImage({kCount, 1, 1, 1, DataType::F32});
  for (std::uint32_t n = 0; n < kCount; ++n) source.values[n] = -1000.0f + 0.5f * static_cast<float>(n) + 1e-3f;
  TimeEmbedTerm term;
  term.desc.frequencies = 1;
  OpHarness harness(caps(), DataType::F32, false);
  const graph::Tensor y = ops::timeEmbed(harness.graph, "t", harness.input(source, "source"), {&term, 1});
  harness.run(pipelines(), stream(), {y});
  Image want = makeImage({kCount, 1, 1, 2, DataType::F32});
  for (std::uint32_t n = 0; n < kCount; ++n) {
    want.at(n, 0, 0, 0) = static_cast<float>(std::cos(double{source.values[n]}));
    want.at(n, 1, 0, 0) = static_cast<float>(std::sin(double{source.values[n]}));
  }
  expectClose(harness.read(y), want, 3e-7f, 0.0f, "sine");
}

RVL_INSTANTIATE_OP_VARIANTS(TimeEmbed);

class TimeEmbedDevice : public GpuTest {};

TEST_F(TimeEmbedDevice, ErrorsNameTheLayerAndTheShapes) {
  OpHarness harness(caps(), DataType::F32, false);
  graph::Graph& g = harness.graph;
  const graph::Tensor source = g.persistent({2, 1, 1, 5, DataType::F32}, "source");
  TimeEmbedTerm term;
  term.channel = 5;
  EXPECT_EQ(errorOf([&] {
              ops::timeEmbed(g, "t", source, {&term, 1});
            }),
            "time_embed 't': channel 5 is asked for, the source is [2,1,1,5] f32");
  EXPECT_EQ(errorOf([&] { ops::timeEmbed(g, "t", source, {}, 3, 3); }),
            "time_embed 't': channels [3, 6) are to be copied, the source is [2,1,1,5] f32");
  EXPECT_EQ(errorOf([&] { ops::timeEmbed(g, "t", source, {}); }),
            "time_embed 't': there are no terms and no channels to copy");
  EXPECT_EQ(errorOf([&] {
              ops::timeEmbed(g, "t", g.persistent({2, 1, 2, 5, DataType::F32}, "wide"), {});
            }),
            "time_embed 't': its source is [2,1,2,5] f32, it must be [N,1,1,M] f32");
  term = {};
  term.desc.frequencies = 1;
  term.desc.freqShift = 1.0f;
  EXPECT_EQ(errorOf([&] {
              ops::timeEmbed(g, "t", source, {&term, 1});
            }),
            "time_embed 't': 1 frequencies with a shift of 1.000000: there must be more frequencies than the shift, at "
            "least one");
}

}  // namespace
}  // namespace rivulet::test
