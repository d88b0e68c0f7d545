#include "samplers/step_params.h"

#include <limits>
#include <string>

#include "core/error.h"
#include "core/philox.h"

namespace rivulet {
namespace {

float narrow(double value) {
  return static_cast<float>(value);
}

}  // namespace

StepParams toStepParams(const StepPlan& plan, std::size_t i, const StepSlot& slot) {
  if (i >= plan.calls.size()) {
    throw Error(ErrorCode::InvalidArgument, "step " + std::to_string(i) + " of a plan of " +
                                                std::to_string(plan.calls.size()) + " steps (" + plan.sampler + ")");
  }
  const ModelCall& call = plan.calls[i];
  const StepCombination saved = call.save ? call.saved : StepCombination{};
  const bool last = i + 1 == plan.calls.size();
  constexpr float kNoClip = std::numeric_limits<float>::max();

  StepParams params{};
  params.p = narrow(call.p);
  params.q = narrow(call.q);
  params.clipLow = call.clip ? narrow(call.clipLow) : -kNoClip;
  params.clipHigh = call.clip ? narrow(call.clipHigh) : kNoClip;
  params.a = narrow(call.next.a);
  params.b = narrow(call.next.b);
  params.c = narrow(call.next.c);
  params.f = narrow(call.next.f);
  params.d0 = narrow(call.next.d[0]);
  params.d1 = narrow(call.next.d[1]);
  params.d2 = narrow(call.next.d[2]);
  params.e = narrow(call.next.e);
  params.sa = narrow(saved.a);
  params.sb = narrow(saved.b);
  params.sc = narrow(saved.c);
  params.sf = narrow(saved.f);
  params.sd0 = narrow(saved.d[0]);
  params.sd1 = narrow(saved.d[1]);
  params.sd2 = narrow(saved.d[2]);
  params.logVarianceMin = narrow(call.logVarianceMin);
  params.logVarianceMax = narrow(call.logVarianceMax);
  params.guidance = slot.guidance;
  params.inputScale = narrow(call.inputScale);
  params.nextInputScale = last ? 1.0f : narrow(plan.calls[i + 1].inputScale);

  std::uint32_t flags = RVL_STEP_ACTIVE;
  if (call.save) flags |= RVL_STEP_SAVE;
  if (call.pushX0) flags |= RVL_STEP_PUSH;
  if (call.learnedVariance) flags |= RVL_STEP_LEARNED_VARIANCE;
  if (slot.guided) flags |= RVL_STEP_GUIDED;
  if (params.c != 0.0f || params.sc != 0.0f) flags |= RVL_STEP_READ_SAVED;
  if (params.d0 != 0.0f || params.sd0 != 0.0f) flags |= RVL_STEP_READ_HISTORY0;
  if (params.d1 != 0.0f || params.sd1 != 0.0f) flags |= RVL_STEP_READ_HISTORY1;
  if (params.d2 != 0.0f || params.sd2 != 0.0f) flags |= RVL_STEP_READ_HISTORY2;
  if (call.noiseStep >= 0 && params.e != 0.0f) flags |= RVL_STEP_NOISE;
  if (slot.noiseFromBuffer) flags |= RVL_STEP_NOISE_BUFFER;
  if (last) flags |= RVL_STEP_LAST;
  params.flags = flags;

  params.pushSlot = static_cast<std::uint32_t>(plan.pushesBefore(i) % kHistoryDepth);
  params.seedLow = static_cast<std::uint32_t>(slot.seed);
  params.seedHigh = static_cast<std::uint32_t>(slot.seed >> 32);
  params.noiseStream = static_cast<std::uint32_t>(NoiseStream::Step);
  params.noiseStep = call.noiseStep >= 0 ? static_cast<std::uint32_t>(call.noiseStep) : 0u;
  params.originX = slot.originX;
  params.originY = slot.originY;
  return params;
}

}  // namespace rivulet
