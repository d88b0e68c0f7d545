#pragma once

namespace rivulet::ops {

/// Functions that kernels apply while they read or write. The values are shared with shaders/shared/tensor.glsl.
enum class Activation : unsigned { None = 0, Silu = 1 };

}  // namespace rivulet::ops
