// Every sampler on every process, prediction, spacing and number of steps: a plan with finite numbers, or a clear
// refusal.

#include "samplers/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "core/error.h"
#include "samplers/step_params.h"
#include "support/expect_error.h"

namespace rivulet {
namespace {

using test::messageOf;

SamplerConfig configFor(std::string_view sampler, ProcessKind kind, Prediction prediction) {
  SamplerConfig config;
  config.process.kind = kind;
  config.prediction = prediction;
  return withSampler(config, sampler);
}

/// Part of the message with which a combination is refused, or "" if it must work.
std::string refusal(std::string_view sampler, ProcessKind kind, Prediction prediction) {
  const bool flow = kind == ProcessKind::Flow;
  if (flow && (sampler == "euler" || sampler == "heun" || sampler == "lcm"))
    return "needs a variance-preserving schedule";
  if (!flow && sampler.starts_with("flow_")) return "needs schedule flow";
  if (!flow && prediction == Prediction::Flow) return "prediction flow is the velocity of the linear path";
  if (sampler == "ddim_inversion") return prediction == Prediction::Sample ? "says nothing about the noise" : "";
  if (flow && prediction == Prediction::Epsilon) return "says nothing about the image at pure noise";
  return "";
}

bool finite(const StepParams& p) {
  for (const float v : {p.p,
                        p.q,
                        p.a,
                        p.b,
                        p.c,
                        p.f,
                        p.d0,
                        p.d1,
                        p.d2,
                        p.e,
                        p.sa,
                        p.sb,
                        p.sc,
                        p.sf,
                        p.sd0,
                        p.sd1,
                        p.sd2,
                        p.logVarianceMin,
                        p.logVarianceMax,
                        p.inputScale,
                        p.nextInputScale}) {
    if (!std::isfinite(v)) return false;
  }
  return true;
}

class Matrix : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Matrix, FinitePlanOrClearRefusal) {
  const std::string_view sampler = GetParam();
  for (const ProcessKind kind :
       {ProcessKind::VpLinear, ProcessKind::VpScaledLinear, ProcessKind::VpCosine, ProcessKind::Flow}) {
    for (const Prediction prediction : {Prediction::Epsilon, Prediction::Sample, Prediction::V, Prediction::Flow}) {
      for (const TimestepSpacing spacing :
           {TimestepSpacing::Leading, TimestepSpacing::Trailing, TimestepSpacing::Linspace}) {
        SamplerConfig config = configFor(sampler, kind, prediction);
        config.spacing = spacing;
        config.clip = spacing == TimestepSpacing::Leading;
        const std::string why = refusal(sampler, kind, prediction);
        for (int steps = 1; steps <= 50; ++steps) {
          if (!why.empty()) {
            EXPECT_NE(messageOf([&] { makeStepPlan(config, steps); }).find(why), std::string::npos);
            continue;
          }
          const StepPlan plan = makeStepPlan(config, steps);
          const bool heun = sampler == "heun" || sampler == "flow_heun";
          EXPECT_EQ(plan.calls.size(), static_cast<std::size_t>(heun ? 2 * steps - 1 : steps));
          EXPECT_EQ(plan.sampler, sampler);
          for (std::size_t i = 0; i < plan.calls.size(); ++i) {
            EXPECT_TRUE(finite(toStepParams(plan, i))) << sampler << " " << toString(kind) << " " << steps << " " << i;
            EXPECT_GE(plan.calls[i].t, 0.0);
            EXPECT_LE(plan.calls[i].t, 1.0);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllSamplers, Matrix, ::testing::ValuesIn(samplerNames()),
                         [](const auto& test) { return std::string(test.param); });

TEST(Registry, NamesAreDistinctAndMake) {
  const auto names = samplerNames();
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  EXPECT_GE(names.size(), 13u);
}

TEST(Registry, UnknownNameListsTheKnownOnes) {
  const std::string expected =
      "sampler \"eular\" is not known; supported: ddpm, ddim, ddim_inversion, dpmpp_2m, dpmpp_3m, unipc, unipc_3, "
      "euler, "
      "heun, flow_euler, flow_heun, lcm, consistency";
  EXPECT_EQ(messageOf([] { withSampler({}, "eular"); }), expected);
  SamplerConfig config;
  config.sampler = "eular";
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), expected);
}

TEST(Registry, WrongProcessNamesTheAlternative) {
  EXPECT_EQ(messageOf([] { makeStepPlan(configFor("heun", ProcessKind::Flow, Prediction::Flow), 4); }),
            "sampler heun needs a variance-preserving schedule, the model's is flow: use flow_heun");
  EXPECT_EQ(messageOf([] { makeStepPlan(configFor("flow_euler", ProcessKind::VpCosine, Prediction::V), 4); }),
            "sampler flow_euler walks the linear path and needs schedule flow, the model's is vp_cosine: use euler");
}

TEST(Registry, StepsOutOfRange) {
  for (const std::string_view name : samplerNames()) {
    const ProcessKind kind = name.starts_with("flow_") ? ProcessKind::Flow : ProcessKind::VpLinear;
    const SamplerConfig config = configFor(name, kind, Prediction::V);
    for (const int steps : {0, -3, 2'000'000'000}) {
      EXPECT_NE(messageOf([&] { makeStepPlan(config, steps); }).find("steps"), std::string::npos) << name;
    }
  }
  EXPECT_EQ(messageOf([] { makeStepPlan(configFor("ddim", ProcessKind::VpLinear, Prediction::V), 1001); }),
            "a sampler of 1001 steps: expected 1 to 1000, the number of times the schedule has");
  EXPECT_EQ(messageOf([] { makeStepPlan(configFor("lcm", ProcessKind::VpLinear, Prediction::V), 51); }),
            "lcm: 51 steps, expected 1 to 50, the steps of the distillation (original_inference_steps)");
}

TEST(Registry, OptionsOutOfRange) {
  SamplerConfig config = configFor("ddim", ProcessKind::VpLinear, Prediction::V);
  config.eta = 1.5;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), "ddim: eta is 1.500000, expected 0 to 1");
  config = configFor("dpmpp_2m", ProcessKind::VpLinear, Prediction::V);
  config.order = 4;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), "dpmpp: solver_order is 4; supported: 1, 2, 3");
  config = configFor("unipc", ProcessKind::VpLinear, Prediction::V);
  config.order = 0;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), "unipc: solver_order is 0; supported: 1, 2, 3");
  config = configFor("flow_euler", ProcessKind::Flow, Prediction::Flow);
  config.process.shift = -1.0;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), "flow shift is -1.000000, expected above 0");
  config = configFor("ddim", ProcessKind::VpLinear, Prediction::V);
  config.clip = true;
  config.clipRange = 0.0;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }), "clip_sample_range is 0.000000, expected above 0");
  config = configFor("ddim", ProcessKind::VpLinear, Prediction::V);
  config.spacing = TimestepSpacing::Leading;
  config.stepsOffset = 500;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }),
            "timestep 1250 (spacing leading, 4 steps, steps_offset 500) is outside 0..999");
  config = configFor("dpmpp_2m", ProcessKind::VpLinear, Prediction::V);
  config.lambdaMinClipped = 100.0;
  EXPECT_EQ(messageOf([&] { makeStepPlan(config, 4); }),
            "lambda_min_clipped 100.000000 leaves out every timestep of the schedule");
}

TEST(Registry, ZeroTerminalSnrNeedsAPredictionThatSeesIt) {
  SamplerConfig config = configFor("ddim", ProcessKind::VpLinear, Prediction::Epsilon);
  config.process.zeroTerminalSnr = true;
  EXPECT_NE(messageOf([&] { makeStepPlan(config, 4); }).find("needs prediction sample, v or flow"), std::string::npos);
  config.prediction = Prediction::V;
  EXPECT_EQ(makeStepPlan(config, 4).calls.front().alpha, 0.0);
  config = withSampler(config, "dpmpp_2m");
  EXPECT_GT(makeStepPlan(config, 4).calls.front().alpha, 0.0);
}

TEST(StepParams, CarriesTheSlot) {
  const StepPlan plan = makeStepPlan(configFor("ddpm", ProcessKind::VpLinear, Prediction::V), 4);
  const StepParams params = toStepParams(plan, 1, {0x0123456789abcdefULL, -5, 9, true, 2.5f, true});
  EXPECT_EQ(params.seedLow, 0x89abcdefu);
  EXPECT_EQ(params.seedHigh, 0x01234567u);
  EXPECT_EQ(params.originX, -5);
  EXPECT_EQ(params.originY, 9);
  EXPECT_EQ(params.guidance, 2.5f);
  EXPECT_EQ(params.noiseStep, 1u);
  EXPECT_EQ(params.flags, RVL_STEP_ACTIVE | RVL_STEP_GUIDED | RVL_STEP_NOISE | RVL_STEP_NOISE_BUFFER);
  EXPECT_TRUE(toStepParams(plan, 3).flags & RVL_STEP_LAST);
  EXPECT_FALSE(toStepParams(plan, 3).flags & RVL_STEP_NOISE);
  EXPECT_EQ(messageOf([&] { toStepParams(plan, 4); }), "step 4 of a plan of 4 steps (ddpm)");
}

TEST(StepParams, HistoryIsARing) {
  const StepPlan plan = makeStepPlan(configFor("unipc_3", ProcessKind::VpLinear, Prediction::V), 8);
  for (std::size_t i = 0; i < plan.calls.size(); ++i) EXPECT_EQ(toStepParams(plan, i).pushSlot, i % 3);
  EXPECT_EQ(plan.historyDepth(), 3u);
  EXPECT_TRUE(plan.usesSaved());
  EXPECT_FALSE(plan.usesNoise());
}

TEST(StepPlan, ValidationNamesTheCall) {
  StepPlan plan = makeStepPlan(configFor("ddim", ProcessKind::VpLinear, Prediction::V), 4);
  plan.calls[2].next.d[1] = 0.5;
  EXPECT_EQ(messageOf([&] { validate(plan); }, ErrorCode::Internal),
            "sampler ddim, call 2 of 4: reads history 1 before its push");
  plan.calls[2].next.d[1] = 0.0;
  plan.calls[1].next.c = 1.0;
  EXPECT_EQ(messageOf([&] { validate(plan); }, ErrorCode::Internal),
            "sampler ddim, call 1 of 4: reads a saved state before one was written");
  plan.calls[1].next.c = std::nan("");
  EXPECT_EQ(messageOf([&] { validate(plan); }, ErrorCode::Internal),
            "sampler ddim, call 1 of 4: a coefficient of x' is not finite");
}

// DDIM with clipping keeps the network's own noise unless told otherwise: the f term.
TEST(Ddim, ClippingKeepsTheUnclippedNoise) {
  SamplerConfig config = configFor("ddim", ProcessKind::VpLinear, Prediction::Epsilon);
  config.clip = true;
  const ModelCall kept = makeStepPlan(config, 10).calls.front();
  EXPECT_EQ(kept.next.a, 0.0);
  EXPECT_GT(kept.next.f, 0.0);
  config.useClippedModelOutput = true;
  const ModelCall derived = makeStepPlan(config, 10).calls.front();
  EXPECT_EQ(derived.next.f, 0.0);
  EXPECT_GT(derived.next.a, 0.0);
  // Where nothing is clipped they are the same step.
  const double x = 0.3, m = 0.1;
  const auto result = [&](const ModelCall& c) {
    const double x0 = c.p * x + c.q * m;
    return c.next.a * x + c.next.b * x0 + c.next.f * m;
  };
  EXPECT_NEAR(result(kept), result(derived), 1e-12);
}

}  // namespace
}  // namespace rivulet
