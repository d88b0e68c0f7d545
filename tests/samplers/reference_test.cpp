// Trajectories recorded from Hugging Face diffusers; tests/data/samplers.json explains its fields in "note".

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "samplers/plan_walk.h"
#include "samplers/registry.h"
#include "samplers/scheduler_config.h"

namespace rivulet {
namespace {

constexpr double kTolerance = 1e-4;  // of max|x|

const nlohmann::json& reference() {
  static const nlohmann::json json = [] {
    std::ifstream file(std::string(RIVULET_TEST_DATA) + "/samplers.json");
    return nlohmann::json::parse(file);
  }();
  return json;
}

std::vector<std::string> caseNames() {
  std::vector<std::string> names;
  for (const auto& [name, value] : reference().at("cases").items()) names.push_back(name);
  return names;
}

std::vector<float> floats(const nlohmann::json& json) {
  return json.get<std::vector<float>>();
}

double largest(const std::vector<float>& values) {
  double m = 0.0;
  for (const float v : values) m = std::max(m, std::abs(static_cast<double>(v)));
  return m;
}

/// Largest difference over the largest magnitude.
double error(const std::vector<float>& got, const std::vector<float>& want) {
  EXPECT_EQ(got.size(), want.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    if (std::isnan(got[i])) return std::numeric_limits<double>::infinity();
  }
  return worst / largest(want);
}

/// Two channels from channels first to channels last.
std::vector<float> interleaved(const std::vector<float>& planes, std::size_t texels) {
  const std::size_t channels = planes.size() / texels;
  std::vector<float> out(planes.size());
  for (std::size_t i = 0; i < planes.size(); ++i) out[i % texels * channels + i / texels] = planes[i];
  return out;
}

class Reference : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    json_ = reference().at("cases").at(GetParam());
    config_ = schedulerConfig(json_.at("scheduler").get<std::string>(), json_.at("config"));
    applyCallOptions(config_, json_.at("call"));
    plan_ = makeStepPlan(config_, json_.at("steps").get<int>());
    ASSERT_EQ(plan_.calls.size(), json_.at("rows").size());
  }

  /// Recorded noise, or zeros where the row has none (and then the plan must not ask for any).
  std::vector<float> noiseOf(std::size_t i, std::size_t size) const {
    const nlohmann::json& noise = json_.at("rows")[i].at("noise");
    if (!noise.is_null()) return floats(noise);
    EXPECT_EQ(plan_.calls[i].noiseStep, -1) << "row " << i;
    return std::vector<float>(size);
  }

  nlohmann::json json_;
  SamplerConfig config_;
  StepPlan plan_;
};

// Each row on its own feet: the recorded state and history are reproduced from the recorded outputs.
TEST_P(Reference, RecordedOutputsGiveRecordedStates) {
  StepState state;
  state.x = floats(json_.at("initial"));
  const std::size_t texels = state.x.size();
  double worstInput = 0.0, worstState = 0.0, worstTime = 0.0;
  for (std::size_t i = 0; i < plan_.calls.size(); ++i) {
    const nlohmann::json& row = json_.at("rows")[i];
    worstTime = std::max(worstTime, std::abs(plan_.calls[i].timestep - row.at("t").get<double>()));
    worstInput = std::max(worstInput, error(test::modelInput(plan_, i, state.x), floats(row.at("model_input"))));
    test::stepOnce(plan_, i, interleaved(floats(row.at("model_output")), texels), noiseOf(i, texels), state);
    worstState = std::max(worstState, error(state.x, floats(row.at("x"))));
  }
  EXPECT_LE(worstTime, 1e-3);
  EXPECT_LE(worstInput, kTolerance);
  EXPECT_LE(worstState, kTolerance);
  std::cout << "  " << GetParam() << ": timestep " << worstTime << ", input " << worstInput << ", state " << worstState
            << "\n";
}

// The whole loop, with the model that made the recording.
TEST_P(Reference, ClosedLoop) {
  StepState state;
  state.x = floats(json_.at("initial"));
  double worst = 0.0;
  for (std::size_t i = 0; i < plan_.calls.size(); ++i) {
    const std::vector<float> input = test::modelInput(plan_, i, state.x);
    const float gain = static_cast<float>(0.5 + 0.4 * std::sin(0.01 * plan_.calls[i].timestep));
    std::vector<float> output;
    for (const float x : input) {
      output.push_back(std::tanh(x) * gain + 0.05f * std::cos(3.0f * x));
      if (plan_.calls[i].learnedVariance) output.push_back(std::tanh(0.5f * x));
    }
    test::stepOnce(plan_, i, output, noiseOf(i, input.size()), state);
    worst = std::max(worst, error(state.x, floats(json_.at("rows")[i].at("x"))));
  }
  EXPECT_LE(worst, kTolerance);
  std::cout << "  " << GetParam() << ": closed loop " << worst << "\n";
}

// A plan is data and its state is (x, saved, history): a run stopped after any call goes on from a copy.
TEST_P(Reference, StopsAndResumesBetweenAnyTwoCalls) {
  const std::vector<float> initial = floats(json_.at("initial"));
  const auto step = [&](std::size_t i, StepState& state) {
    const std::vector<float> output = interleaved(floats(json_.at("rows")[i].at("model_output")), initial.size());
    test::stepOnce(plan_, i, output, noiseOf(i, initial.size()), state);
  };
  StepState whole;
  whole.x = initial;
  for (std::size_t i = 0; i < plan_.calls.size(); ++i) step(i, whole);
  for (std::size_t stop = 1; stop < plan_.calls.size(); ++stop) {
    StepState state;
    state.x = initial;
    for (std::size_t i = 0; i < stop; ++i) step(i, state);
    StepState resumed = state;
    for (std::size_t i = stop; i < plan_.calls.size(); ++i) step(i, resumed);
    EXPECT_EQ(resumed.x, whole.x) << "stopped after call " << stop;
  }
}

INSTANTIATE_TEST_SUITE_P(Diffusers, Reference, ::testing::ValuesIn(caseNames()),
                         [](const auto& test) { return test.param; });

TEST(ReferenceFile, HasAllSeventeenCases) {
  EXPECT_EQ(caseNames().size(), 17u);
}

}  // namespace
}  // namespace rivulet
