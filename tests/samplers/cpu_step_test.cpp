#include "samplers/cpu_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"

namespace rivulet {
namespace {

StepParams identity() {
  StepParams p{};
  p.q = 1.0f;
  p.clipLow = -std::numeric_limits<float>::max();
  p.clipHigh = std::numeric_limits<float>::max();
  p.flags = RVL_STEP_ACTIVE;
  return p;
}

TEST(CpuStep, EveryTermInItsPlace) {
  StepParams p = identity();
  p.p = 2.0f;
  p.q = 3.0f;
  p.a = 5.0f;
  p.b = 7.0f;
  p.c = 11.0f;
  p.f = 13.0f;
  p.d0 = 17.0f;
  p.d1 = 19.0f;
  p.d2 = 23.0f;
  p.e = 29.0f;
  p.sa = 1.0f;
  p.sb = 2.0f;
  p.sc = 3.0f;
  p.sf = 4.0f;
  p.sd0 = 5.0f;
  p.sd1 = 6.0f;
  p.sd2 = 7.0f;
  p.flags |= RVL_STEP_SAVE | RVL_STEP_PUSH | RVL_STEP_READ_SAVED | RVL_STEP_READ_HISTORY0 | RVL_STEP_READ_HISTORY1 |
             RVL_STEP_READ_HISTORY2 | RVL_STEP_NOISE;
  p.pushSlot = 1;  // history 0, 1, 2 are buffers 0, 2, 1
  StepState state{{1.0f}, {2.0f}, {{{3.0f}, {5.0f}, {4.0f}}}};
  const std::vector<float> model{0.5f}, noise{0.25f};
  cpuStep(p, {1, 1, model, {}, noise}, state);
  const float x0 = 2.0f * 1.0f + 3.0f * 0.5f;
  EXPECT_EQ(state.x[0], 5.0f + 7.0f * x0 + 22.0f + 6.5f + 17.0f * 3 + 19.0f * 4 + 23.0f * 5 + 29.0f * 0.25f);
  EXPECT_EQ(state.saved[0], 1.0f + 2.0f * x0 + 6.0f + 2.0f + 5.0f * 3 + 6.0f * 4 + 7.0f * 5);
  EXPECT_EQ(state.history[1][0], x0);
  EXPECT_EQ(state.history[0][0], 3.0f);
}

TEST(CpuStep, GuidanceClipAndLearnedVariancePerChannel) {
  StepParams p = identity();
  p.b = 1.0f;
  p.e = 1.0f;
  p.clipLow = -1.0f;
  p.clipHigh = 1.0f;
  p.guidance = 3.0f;
  p.logVarianceMin = -4.0f;
  p.logVarianceMax = -2.0f;
  p.flags |= RVL_STEP_GUIDED | RVL_STEP_NOISE | RVL_STEP_LEARNED_VARIANCE;
  StepState state{{9.0f, 9.0f}, {}, {}};
  const std::vector<float> model{0.4f, 0.9f, -1.0f, 1.0f, 99.0f}, uncond{0.3f, 0.1f, 7.0f, 7.0f, 99.0f};
  const std::vector<float> noise{1.0f, 1.0f};
  cpuStep(p, {2, 5, model, uncond, noise}, state);
  EXPECT_NEAR(state.x[0], 0.6f + std::exp(-2.0f), 1e-6f);  // 0.3 + 3 * 0.1; v = -1: the smaller variance
  EXPECT_NEAR(state.x[1], 1.0f + std::exp(-1.0f), 1e-6f);  // 0.1 + 3 * 0.8 clipped; v = 1: the larger
}

TEST(CpuStep, UnusedMemoryIsNotRead) {
  StepParams p = identity();
  p.b = 1.0f;
  const float nan = std::nanf("");
  StepState state{{1.0f}, {nan}, {{{nan}, {nan}, {nan}}}};
  const std::vector<float> model{0.5f};
  cpuStep(p, {1, 1, model, {}, {}}, state);
  EXPECT_EQ(state.x[0], 0.5f);
}

TEST(CpuStep, InactiveSlotsAreLeftAlone) {
  StepParams p = identity();
  p.flags = 0;
  StepState state{{1.0f}, {}, {}};
  cpuStep(p, {}, state);
  EXPECT_EQ(state.x[0], 1.0f);
}

TEST(CpuStep, NamesTheShortArray) {
  const auto message = [](StepParams p, const StepInput& input) -> std::string {
    StepState state{{1.0f, 2.0f}, {}, {}};
    try {
      cpuStep(p, input, state);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return error.what();
    }
    return "no error";
  };
  const std::vector<float> one(1), two(2);
  StepParams p = identity();
  EXPECT_EQ(message(p, {1, 1, one, {}, {}}), "cpuStep: model has 1 floats, the step needs 2");
  p.flags |= RVL_STEP_NOISE;
  EXPECT_EQ(message(p, {1, 1, two, {}, one}), "cpuStep: noise has 1 floats, the step needs 2");
  p.flags = RVL_STEP_ACTIVE | RVL_STEP_READ_SAVED;
  EXPECT_EQ(message(p, {1, 1, two, {}, {}}), "cpuStep: saved has 0 floats, the step needs 2");
  p.flags = RVL_STEP_ACTIVE | RVL_STEP_READ_HISTORY1;
  EXPECT_EQ(message(p, {1, 1, two, {}, {}}), "cpuStep: history has 0 floats, the step needs 2");
  p.flags = RVL_STEP_ACTIVE | RVL_STEP_GUIDED;
  EXPECT_EQ(message(p, {1, 1, two, one, {}}), "cpuStep: uncond has 1 floats, the step needs 2");
  p.flags = RVL_STEP_ACTIVE | RVL_STEP_LEARNED_VARIANCE;
  EXPECT_EQ(message(p, {1, 1, two, {}, {}}),
            "cpuStep: 2 values do not divide into 1 channels, or the network's stride of 1 is below 2");
}

}  // namespace
}  // namespace rivulet
