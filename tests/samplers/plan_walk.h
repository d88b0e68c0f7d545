#pragma once
// Walks plans on the CPU for the sampler tests.

#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "samplers/cpu_step.h"
#include "samplers/step_params.h"
#include "samplers/step_plan.h"

namespace rivulet::test {

/// model(network's input, call) gives the output, channels last.
using Model = std::function<std::vector<float>(const std::vector<float>& input, const ModelCall& call)>;

inline std::vector<float> modelInput(const StepPlan& plan, std::size_t i, const std::vector<float>& x) {
  std::vector<float> input = x;
  const float scale = toStepParams(plan, i).inputScale;
  for (float& v : input) v *= scale;
  return input;
}

inline void stepOnce(const StepPlan& plan, std::size_t i, const std::vector<float>& output,
                     std::span<const float> noise, StepState& state) {
  StepInput input;
  input.channels = 1;
  input.stride = plan.calls[i].learnedVariance ? 2 : 1;
  input.model = output;
  input.noise = noise;
  cpuStep(toStepParams(plan, i), input, state);
}

/// Runs the whole plan without noise.
inline std::vector<float> walk(const StepPlan& plan, std::vector<float> initial, const Model& model) {
  StepState state;
  state.x = std::move(initial);
  const std::vector<float> zeros(state.x.size());
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    stepOnce(plan, i, model(modelInput(plan, i, state.x), plan.calls[i]), zeros, state);
  }
  return state.x;
}

/// One value through a plan in double precision: separates a solver's error from float32's.
inline double walkExactly(const StepPlan& plan, double x,
                          const std::function<double(double, const ModelCall&)>& model) {
  double saved = 0.0;
  std::array<double, kHistoryDepth> history{};
  for (const ModelCall& call : plan.calls) {
    const double m = model(call.inputScale * x, call);
    double x0 = call.p * x + call.q * m;
    if (call.clip) x0 = std::min(std::max(x0, call.clipLow), call.clipHigh);
    const auto combine = [&](const StepCombination& s) {
      double sum = s.a * x + s.b * x0 + s.c * saved + s.f * m;
      for (std::size_t i = 0; i < kHistoryDepth; ++i) sum += s.d[i] * history[i];
      return sum;
    };
    const double next = combine(call.next);
    const double nextSaved = call.save ? combine(call.saved) : saved;
    if (call.pushX0) history = {x0, history[0], history[1]};
    x = next;
    saved = nextSaved;
  }
  return x;
}

}  // namespace rivulet::test
