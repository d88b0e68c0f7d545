#include "ops/norm.h"

#include "ops/op_harness.h"
#include "ops/reference/norm.h"

namespace rivulet::test {
namespace {

using ops::Activation;
using ops::NormDesc;

struct Case {
  std::uint32_t n, h, w, c1, c2, groups;  // groups 0: RMS
  bool beta, modulated;
  Activation activation;
};

std::string describe(const Case& c) {
  return "[" + std::to_string(c.n) + "," + std::to_string(c.h) + "," + std::to_string(c.w) + "," +
         std::to_string(c.c1) + "+" + std::to_string(c.c2) + "] groups " + std::to_string(c.groups) +
         (c.beta ? " beta" : "") + (c.modulated ? " modulated" : "") +
         (c.activation == Activation::Silu ? " silu" : "");
}

/// A case with its inputs in a harness.
struct NormCase {
  NormCase(const vk::DeviceCaps& caps, const Case& c, const KernelChoice& choice, std::uint32_t seed,
           float scale = 1.0f, float mean = 0.0f)
      : random(seed), harness(caps, choice.type, choice.asGpu) {
    const std::uint32_t channels = c.c1 + c.c2;
    x = randomImage(random, {c.n, c.h, c.w, c.c1, choice.type}, scale, mean);
    if (c.c2 != 0) x2 = randomImage(random, {c.n, c.h, c.w, c.c2, choice.type}, scale, mean);
    desc.name = "norm";
    desc.kind = c.groups == 0 ? NormDesc::Kind::Rms : NormDesc::Kind::Group;
    desc.groups = c.groups;
    desc.gamma = randomTensor(random, {channels}, 0.3f, 1.0f);
    if (c.beta) desc.beta = randomTensor(random, {channels}, 0.3f);
    desc.activation = c.activation;
    inputs.x = harness.input(x, "x");
    if (c.c2 != 0) inputs.x2 = harness.input(x2, "x2");
    if (c.modulated) {
      // Slices at odd places: nothing may assume an alignment.
      modulation = randomImage(random, {c.n, 1, 1, 2 * channels + 5, DataType::F32}, 0.3f);
      desc.modulation = {harness.input(modulation, "modulation"), channels + 4, 3};
    }
  }
  Image expected() const {
    const Image whole = reference::concat(x, x2.values.empty() ? nullptr : &x2);
    return reference::norm(desc, whole, desc.modulation.tensor ? &modulation : nullptr);
  }

  std::mt19937 random;
  OpHarness harness;
  Image x, x2, modulation;
  NormDesc desc;
  ops::NormInputs inputs;
};

// Errors: fp32 sums of a few hundred terms; fp16 rounds the result to 11 bits.
float toleranceOf(DataType type) {
  return type == DataType::F32 ? 1e-5f : 1.5e-3f;
}

constexpr Activation kNone = Activation::None, kSilu = Activation::Silu;
const std::vector<Case> kRms = {
    {1, 8, 8, 32, 0, 0, false, true, kSilu},   {2, 7, 5, 19, 0, 0, true, false, kSilu},
    {1, 4, 16, 32, 32, 0, false, true, kSilu}, {3, 3, 3, 12, 7, 0, true, true, kNone},
    {2, 1, 9, 24, 5, 0, false, true, kNone},   {1, 2, 3, 3, 0, 0, false, true, kSilu},
    {1, 3, 5, 300, 0, 0, false, false, kSilu}, {1, 70, 33, 8, 8, 0, false, false, kNone},
};
const std::vector<Case> kGroup = {
    {1, 8, 8, 32, 0, 8, true, false, kSilu},  {2, 7, 5, 18, 0, 6, true, true, kNone},
    {1, 5, 4, 32, 16, 3, true, true, kSilu},   // groups of 16: the third is x2
    {2, 6, 3, 24, 8, 2, false, false, kSilu},  // groups of 16: the second spans the two inputs
    {1, 4, 4, 10, 5, 5, true, false, kNone},  {1, 65, 67, 16, 0, 2, true, false, kNone},  // more than one chunk
    {2, 80, 60, 9, 12, 3, true, true, kSilu}, {1, 1, 1, 8, 0, 1, true, false, kNone},
};

const std::vector<Case> kPrologue = {kRms[1], kRms[3], kGroup[3], kGroup[6]};

class Norm : public GpuVariantTest {};  // on every device
class NormDevice : public GpuTest {};   // on the device as it is

TEST_P(Norm, MatchesReference) {
  for (const std::vector<Case>& cases : {kRms, kGroup}) {
    for (const Case& c : cases) {
      for (const KernelChoice& choice : kernelChoices(caps())) {
        NormCase s(caps(), c, choice, 7);
        const graph::Tensor y = ops::norm(s.harness.graph, s.desc, s.inputs);
        s.harness.run(pipelines(), stream(), {y});
        const float tolerance = toleranceOf(choice.type);
        expectClose(s.harness.read(y), s.expected(), tolerance, tolerance, describe(c) + " " + nameOf(choice));
      }
    }
  }
}

TEST_P(Norm, PrologueIsTheSameMap) {
  // RMS over one and two inputs; groups in one chunk and in several.
  for (const Case& c : kPrologue) {
    for (const KernelChoice& choice : kernelChoices(caps())) {
      NormCase s(caps(), c, choice, 11);
      const ops::Prologue prologue = ops::normPrologue(s.harness.graph, s.desc, s.inputs);
      std::vector<graph::Tensor> outputs = {prologue.scale, prologue.shift};
      if (prologue.pixelScale) outputs.push_back(prologue.pixelScale);
      s.harness.run(pipelines(), stream(), outputs);
      const Image scale = s.harness.read(prologue.scale), shift = s.harness.read(prologue.shift);
      Image y = reference::concat(s.x, c.c2 != 0 ? &s.x2 : nullptr);
      std::vector<float> plane(std::size_t{c.n} * c.h * c.w, 1.0f);
      if (prologue.pixelScale) {
        const std::vector<std::byte> bytes = s.harness.bytes(prologue.pixelScale);
        ASSERT_GE(bytes.size(), plane.size() * sizeof(float));
        std::memcpy(plane.data(), bytes.data(), plane.size() * sizeof(float));
      }
      for (std::uint32_t n = 0; n < c.n; ++n) {
        for (std::uint32_t ch = 0; ch < c.c1 + c.c2; ++ch) {
          for (std::uint32_t row = 0; row < c.h; ++row) {
            for (std::uint32_t col = 0; col < c.w; ++col) {
              const double v = double{y.at(n, ch, row, col)} * plane[(std::size_t{n} * c.h + row) * c.w + col] *
                                   scale.at(n, ch, 0, 0) +
                               shift.at(n, ch, 0, 0);
              y.at(n, ch, row, col) = static_cast<float>(reference::activate(prologue.activation, v));
            }
          }
        }
      }
      expectClose(y, s.expected(), 1e-5f, 1e-5f, describe(c) + " " + nameOf(choice));
    }
  }
}

// Folded into the convolution's reads, as on a GPU, or a pass of its own, as on a software device: the same values.
TEST_F(NormDevice, FoldedIntoAConvolutionOrNot) {
  if (!caps().isSoftware()) GTEST_SKIP() << "only a software device runs both";
  for (const Case& c : {Case{2, 6, 10, 16, 8, 0, false, true, kSilu}, Case{2, 5, 7, 16, 0, 4, true, false, kSilu}}) {
    std::vector<Image> results;
    for (const bool asGpu : {false, true}) {
      NormCase s(caps(), c, {DataType::F32, asGpu}, 13);
      ops::Conv2dDesc conv;
      conv.name = "conv";
      conv.weight = randomTensor(s.random, {8, c.c1 + c.c2, 3, 3}, 0.1f);
      conv.bias = randomTensor(s.random, {8});
      const Image residual = randomImage(s.random, {c.n, c.h, c.w, 8, DataType::F32});
      const Image bias = randomImage(s.random, {c.n, 1, 1, 12, DataType::F32});
      const graph::Tensor y = ops::normConv2d(s.harness.graph, s.desc, s.inputs, conv, s.harness.input(residual, "r"),
                                              s.harness.input(bias, "bias"), 3);
      s.harness.run(pipelines(), stream(), {y});
      results.push_back(s.harness.read(y));
    }
    expectClose(results[1], results[0], 1e-5f, 1e-5f, describe(c));
  }
}

// A variance computed as mean(x^2) - mean(x)^2 has no correct digit here: the mean is 10^4 deviations from zero.
TEST_F(NormDevice, LargeMean) {
  for (const Case& c : {Case{1, 16, 16, 8, 0, 2, true, false, kNone}, Case{1, 70, 70, 16, 0, 1, true, false, kNone}}) {
    for (const bool asGpu : {false, true}) {
      NormCase s(caps(), c, {DataType::F32, asGpu}, 3, 0.1f, 1000.0f);
      const graph::Tensor y = ops::norm(s.harness.graph, s.desc, s.inputs);
      s.harness.run(pipelines(), stream(), {y});
      // x * scale rounds to 24 bits: 10^4 * 2^-24 of the result's unit.
      expectClose(s.harness.read(y), s.expected(), 4e-3f, 1e-3f, describe(c));
    }
  }
}

TEST_F(NormDevice, EveryImageOfABatchIsOnItsOwnAndRepeats) {
  for (const Case& c : {Case{3, 6, 7, 20, 8, 0, true, true, kSilu}, Case{3, 50, 50, 24, 8, 2, true, true, kSilu}}) {
    for (const KernelChoice& choice : kernelChoices(caps())) {
      NormCase s(caps(), c, choice, 5);
      const graph::Tensor y = ops::norm(s.harness.graph, s.desc, s.inputs);
      s.harness.run(pipelines(), stream(), {y});
      const std::vector<std::byte> whole = s.harness.bytes(y);
      s.harness.rerun();
      EXPECT_EQ(s.harness.bytes(y), whole) << describe(c);

      for (std::uint32_t n = 0; n < c.n; ++n) {
        const auto lane = [&](const Image& image) { return laneOf(image, n); };
        OpHarness alone(caps(), choice.type, choice.asGpu);
        NormDesc desc = s.desc;
        desc.modulation.tensor = alone.input(lane(s.modulation), "modulation");
        const ops::NormInputs inputs{alone.input(lane(s.x), "x"), alone.input(lane(s.x2), "x2")};
        const graph::Tensor single = ops::norm(alone.graph, desc, inputs);
        alone.run(pipelines(), stream(), {single});
        const std::vector<std::byte> bytes = alone.bytes(single);
        EXPECT_EQ(std::memcmp(bytes.data(), whole.data() + n * bytes.size(), bytes.size()), 0)
            << describe(c) << " image " << n << " " << nameOf(choice);
      }
    }
  }
}

RVL_INSTANTIATE_OP_VARIANTS(Norm);

TEST_F(NormDevice, NameTheLayerAndTheShapes) {
  const Case c{2, 4, 4, 16, 0, 4, true, false, kNone};
  const auto message = [&](const std::function<void(NormCase&)>& change) {
    NormCase s(caps(), c, {DataType::F32, false}, 1);
    change(s);
    return errorOf([&] { ops::norm(s.harness.graph, s.desc, s.inputs); });
  };
  EXPECT_EQ(message([](NormCase& s) { s.desc.gamma.values.pop_back(); }),
            "norm 'norm': gamma has 15 values for 16 channels");
  EXPECT_EQ(message([](NormCase& s) { s.desc.beta.values.pop_back(); }),
            "norm 'norm': beta has 15 values for 16 channels");
  EXPECT_EQ(message([](NormCase& s) { s.desc.groups = 3; }), "norm 'norm': 3 groups do not divide 16 channels");
  EXPECT_EQ(message([](NormCase& s) {
              s.inputs.x2 = s.harness.graph.persistent({2, 4, 5, 8, DataType::F32}, "x2");
            }),
            "norm 'norm': its inputs are [2,4,4,16] f32 and [2,4,5,8] f32, only channels may differ");
  EXPECT_EQ(message([](NormCase& s) {
              s.desc.modulation = {s.harness.graph.persistent({2, 1, 1, 31, DataType::F32}, "m"), 0, 16};
            }),
            "norm 'norm': the modulation is [2,1,1,31] f32, it must be [2,1,1,M] f32 with M at least 32");
  EXPECT_EQ(message([](NormCase& s) {
              s.inputs.x = s.harness.graph.persistent({2, 4, 4, 16, DataType::F16}, "half");
            }),
            "norm 'norm': its input [2,4,4,16] f16 is not of the graph's storage type");
}

}  // namespace
}  // namespace rivulet::test
