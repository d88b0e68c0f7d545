// What sampling/step.comp needs to advance one slot by one step. Compiled as GLSL (std430) and as C++: 32-bit scalars
// only, so both agree on every offset. Filled by rivulet::toStepParams (runtime/samplers/step_params.h); executed by
// step.comp and, as the reference, by rivulet::cpuStep (runtime/samplers/cpu_step.h).
//
// For each element, with `model` the network's output and history[i] the x0 of the (i+1)-th last push:
//
//   m   = RVL_STEP_GUIDED ? uncond + guidance * (model - uncond) : model
//   x0  = clamp(p * x + q * m, clipLow, clipHigh)
//   w   = e * (RVL_STEP_LEARNED_VARIANCE ? exp(0.5 * (r * logVarianceMax + (1 - r) * logVarianceMin)) : 1),
//         r = (v + 1) / 2, v = the network's output channel of this one plus the image's channel count, not guided
//   x'     = a * x + b * x0 + c * saved + f * m + d0 * history[0] + d1 * history[1] + d2 * history[2] + w * noise
//   saved' = sa * x + sb * x0 + sc * saved + sf * m + sd0 * history[0] + sd1 * history[1] + sd2 * history[2]
//   history.push(x0)
//
// in this order of terms, left to right. saved' is written when RVL_STEP_SAVE is set, the push happens when
// RVL_STEP_PUSH is set; both see the old x, saved and history. A term whose RVL_STEP_READ_* bit is clear has a zero
// coefficient and must not be read: its memory may never have been written (0 * NaN is NaN).
//
// The three history buffers are a ring: history[i] is physical buffer (pushSlot + 2 - i) mod 3, and a push overwrites
// physical buffer pushSlot (which is where history[2] is: read it first).
//
// The network is given inputScale * x; after the step it will want nextInputScale * x'.
#ifndef RVL_STEP_PARAMS_H
#define RVL_STEP_PARAMS_H

#define RVL_STEP_SAVE 1u              // write saved'
#define RVL_STEP_PUSH 2u              // push x0 to the history
#define RVL_STEP_LEARNED_VARIANCE 4u  // the noise weight is per element, from the network's second half of channels
#define RVL_STEP_GUIDED 8u            // there is an unconditional output: set by the engine
#define RVL_STEP_READ_SAVED 16u       // c or sc is not zero
#define RVL_STEP_READ_HISTORY0 32u    // d0 or sd0 is not zero
#define RVL_STEP_READ_HISTORY1 64u    // d1 or sd1 is not zero
#define RVL_STEP_READ_HISTORY2 128u   // d2 or sd2 is not zero
#define RVL_STEP_NOISE 256u           // e is not zero: draw noise
#define RVL_STEP_NOISE_BUFFER 512u    // take the noise from a buffer instead of Philox (recorded trajectories)
#define RVL_STEP_LAST 1024u           // x' is the result
#define RVL_STEP_ACTIVE 2048u         // clear: leave this slot alone
#define RVL_STEP_NOISE_PAIR 4096u     // noise.comp: the noise of a second StepParams, N slots further on, is added

#ifdef __cplusplus
#include <cstdint>
namespace rivulet {
using StepUint = std::uint32_t;
using StepInt = std::int32_t;
#else
#define StepUint uint
#define StepInt int
#endif

struct StepParams {
  // x0
  float p;
  float q;
  float clipLow;  // -FLT_MAX where there is no clipping
  float clipHigh;
  // x'
  float a;
  float b;
  float c;
  float f;
  float d0;
  float d1;
  float d2;
  float e;
  // saved'
  float sa;
  float sb;
  float sc;
  float sf;
  float sd0;
  float sd1;
  float sd2;
  float logVarianceMin;
  float logVarianceMax;
  float guidance;
  float inputScale;
  float nextInputScale;  // 1 after the last step
  StepUint flags;        // RVL_STEP_*
  StepUint pushSlot;     // 0, 1 or 2
  // Noise: rvlNoise(uvec2(seedLow, seedHigh), noiseStream, noiseStep, originX + x, originY + y, channel / 4)
  StepUint seedLow;
  StepUint seedHigh;
  StepUint noiseStream;
  StepUint noiseStep;
  StepInt originX;  // world coordinates of the slot's first texel
  StepInt originY;
};

#ifdef __cplusplus
static_assert(sizeof(StepParams) == 128, "32 words: std430 and C++ must agree");
}  // namespace rivulet
#else
#undef StepUint
#undef StepInt
#endif

#endif
