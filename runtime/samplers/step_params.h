#pragma once
// From a plan's doubles to the 128 bytes that the step kernel reads.

#include <cstddef>
#include <cstdint>

#include "samplers/step_plan.h"
#include "shared/step_params.h"

namespace rivulet {

/// What a slot adds to its plan.
struct StepSlot {
  std::uint64_t seed = 0;
  std::int32_t originX = 0, originY = 0;  // world coordinates of the first texel
  bool guided = false;                    // there is an unconditional output
  float guidance = 1.0f;                  // g of m = m_uncond + g (m_cond - m_uncond)
  bool noiseFromBuffer = false;           // recorded noise instead of Philox
};

/// Parameters of the step after call `i`. Throws InvalidArgument if the plan has no such call. Thread-safe.
StepParams toStepParams(const StepPlan& plan, std::size_t i, const StepSlot& slot = {});

}  // namespace rivulet
