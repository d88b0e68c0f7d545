// The shaders the build has compiled and embedded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gpu/pipeline.h"

namespace demo::shaders {
#define DEMO_SHADER(name)                \
  extern const std::uint32_t k_##name[]; \
  extern const std::size_t k_##name##_words;
DEMO_SHADER(surface_vert)
DEMO_SHADER(surface_frag)
DEMO_SHADER(sky_vert)
DEMO_SHADER(sky_frag)
DEMO_SHADER(shadow_vert)
DEMO_SHADER(present_vert)
DEMO_SHADER(present_frag)
#undef DEMO_SHADER
}  // namespace demo::shaders

#define DEMO_SHADER(name)                                        \
  ::demo::Shader {                                               \
    ::demo::shaders::k_##name, ::demo::shaders::k_##name##_words \
  }
