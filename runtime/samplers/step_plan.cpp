#include "samplers/step_plan.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace rivulet {
namespace {

bool readsSaved(const ModelCall& call) {
  return call.next.c != 0.0 || (call.save && call.saved.c != 0.0);
}

bool readsHistory(const ModelCall& call, std::size_t i) {
  return call.next.d[i] != 0.0 || (call.save && call.saved.d[i] != 0.0);
}

bool finite(const StepCombination& s) {
  return std::isfinite(s.a) && std::isfinite(s.b) && std::isfinite(s.c) && std::isfinite(s.f) && std::isfinite(s.e) &&
         std::all_of(s.d.begin(), s.d.end(), [](double v) { return std::isfinite(v); });
}

[[noreturn]] void fail(const StepPlan& plan, std::size_t i, const std::string& what) {
  throw Error(ErrorCode::Internal, "sampler " + plan.sampler + ", call " + std::to_string(i) + " of " +
                                       std::to_string(plan.calls.size()) + ": " + what);
}

}  // namespace

bool StepPlan::usesSaved() const {
  return std::any_of(calls.begin(), calls.end(), readsSaved);
}

bool StepPlan::usesNoise() const {
  return std::any_of(calls.begin(), calls.end(), [](const ModelCall& call) { return call.noiseStep >= 0; });
}

bool StepPlan::usesLearnedVariance() const {
  return std::any_of(calls.begin(), calls.end(), [](const ModelCall& call) { return call.learnedVariance; });
}

std::size_t StepPlan::historyDepth() const {
  std::size_t depth = 0;
  for (const ModelCall& call : calls) {
    for (std::size_t i = depth; i < kHistoryDepth; ++i) {
      if (readsHistory(call, i)) depth = i + 1;
    }
  }
  return depth;
}

std::size_t StepPlan::pushesBefore(std::size_t call) const {
  std::size_t pushes = 0;
  for (std::size_t i = 0; i < call && i < calls.size(); ++i) pushes += calls[i].pushX0 ? 1u : 0u;
  return pushes;
}

void validate(const StepPlan& plan) {
  if (plan.calls.empty()) throw Error(ErrorCode::Internal, "sampler " + plan.sampler + ": the plan has no calls");
  if (!std::isfinite(plan.initialNoiseScale)) fail(plan, 0, "the initial noise scale is not finite");
  bool saved = false;
  std::size_t pushes = 0;
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    const ModelCall& call = plan.calls[i];
    if (!std::isfinite(call.timestep) || !std::isfinite(call.t)) fail(plan, i, "the timestep is not finite");
    if (!std::isfinite(call.p) || !std::isfinite(call.q)) fail(plan, i, "the map to x0 is not finite");
    if (!std::isfinite(call.inputScale) || call.inputScale <= 0.0) fail(plan, i, "the input scale is not positive");
    if (!finite(call.next)) fail(plan, i, "a coefficient of x' is not finite");
    if (call.save && (!finite(call.saved) || call.saved.e != 0.0))
      fail(plan, i, "a coefficient of saved' is not finite");
    if (call.learnedVariance && !(std::isfinite(call.logVarianceMin) && std::isfinite(call.logVarianceMax))) {
      fail(plan, i, "a log variance is not finite");
    }
    if (readsSaved(call) && !saved) fail(plan, i, "reads a saved state before one was written");
    for (std::size_t k = 0; k < kHistoryDepth; ++k) {
      if (readsHistory(call, k) && k >= pushes)
        fail(plan, i, "reads history " + std::to_string(k) + " before its push");
    }
    saved = saved || call.save;
    pushes += call.pushX0 ? 1u : 0u;
  }
}

}  // namespace rivulet
