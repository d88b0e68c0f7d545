#include "samplers/cpu_step.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace rivulet {
namespace {

void require(bool ok, const char* array, std::size_t have, std::size_t want) {
  if (ok) return;
  throw Error(ErrorCode::InvalidArgument, std::string("cpuStep: ") + array + " has " + std::to_string(have) +
                                              " floats, the step needs " + std::to_string(want));
}

}  // namespace

void cpuStep(const StepParams& s, const StepInput& input, StepState& state) {
  const auto has = [&](std::uint32_t bit) { return (s.flags & bit) != 0; };
  if (!has(RVL_STEP_ACTIVE)) return;

  const std::size_t n = state.x.size();
  const std::size_t channels = input.channels;
  const std::size_t outputs = has(RVL_STEP_LEARNED_VARIANCE) ? 2 * channels : channels;
  if (channels == 0 || n % channels != 0 || input.stride < outputs) {
    throw Error(ErrorCode::InvalidArgument, "cpuStep: " + std::to_string(n) + " values do not divide into " +
                                                std::to_string(channels) + " channels, or the network's stride of " +
                                                std::to_string(input.stride) + " is below " + std::to_string(outputs));
  }
  const std::size_t texels = n / channels;
  const std::size_t modelSize = texels * input.stride;
  require(input.model.size() >= modelSize, "model", input.model.size(), modelSize);
  if (has(RVL_STEP_GUIDED)) require(input.uncond.size() >= modelSize, "uncond", input.uncond.size(), modelSize);
  if (has(RVL_STEP_NOISE)) require(input.noise.size() >= n, "noise", input.noise.size(), n);
  if (has(RVL_STEP_READ_SAVED)) require(state.saved.size() == n, "saved", state.saved.size(), n);
  if (has(RVL_STEP_SAVE)) state.saved.resize(n);

  const std::array<std::uint32_t, kHistoryDepth> readBits{RVL_STEP_READ_HISTORY0, RVL_STEP_READ_HISTORY1,
                                                          RVL_STEP_READ_HISTORY2};
  std::array<std::vector<float>*, kHistoryDepth> history{};
  for (std::size_t i = 0; i < kHistoryDepth; ++i) {
    history[i] = &state.history[(s.pushSlot + 2 - i) % kHistoryDepth];
    if (has(readBits[i])) require(history[i]->size() == n, "history", history[i]->size(), n);
  }
  std::vector<float>& pushed = state.history[s.pushSlot % kHistoryDepth];
  if (has(RVL_STEP_PUSH)) pushed.resize(n);

  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = i / channels * input.stride + i % channels;
    float m = input.model[at];
    if (has(RVL_STEP_GUIDED)) m = input.uncond[at] + s.guidance * (m - input.uncond[at]);

    const float x = state.x[i];
    const float x0 = std::clamp(s.p * x + s.q * m, s.clipLow, s.clipHigh);

    float next = s.a * x + s.b * x0;
    float saved = s.sa * x + s.sb * x0;
    if (has(RVL_STEP_READ_SAVED)) {
      next += s.c * state.saved[i];
      saved += s.sc * state.saved[i];
    }
    next += s.f * m;
    saved += s.sf * m;
    const std::array<float, kHistoryDepth> d{s.d0, s.d1, s.d2}, sd{s.sd0, s.sd1, s.sd2};
    for (std::size_t k = 0; k < kHistoryDepth; ++k) {
      if (!has(readBits[k])) continue;
      next += d[k] * (*history[k])[i];
      saved += sd[k] * (*history[k])[i];
    }
    if (has(RVL_STEP_NOISE)) {
      float weight = s.e;
      if (has(RVL_STEP_LEARNED_VARIANCE)) {
        const float r = 0.5f * (input.model[at + channels] + 1.0f);
        weight *= std::exp(0.5f * (r * s.logVarianceMax + (1.0f - r) * s.logVarianceMin));
      }
      next += weight * input.noise[i];
    }
    state.x[i] = next;
    if (has(RVL_STEP_SAVE)) state.saved[i] = saved;
    if (has(RVL_STEP_PUSH)) pushed[i] = x0;
  }
}

}  // namespace rivulet
