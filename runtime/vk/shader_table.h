#pragma once
// The compute shaders built into the library as SPIR-V. The list of them is shaders/CMakeLists.txt; the table behind
// these functions is written by the build (cmake/shaders.cmake).

#include <cstdint>
#include <span>
#include <string_view>

namespace rivulet::vk {

/// One compiled shader. Name and words live as long as the program.
struct ShaderBinary {
  std::string_view name;                 ///< "ops/conv2d", or "ops/conv2d.f16" for the variant f16
  std::span<const std::uint32_t> words;  ///< SPIR-V, ready for VkShaderModuleCreateInfo
};

/// The shader of that name, or null. Thread-safe.
const ShaderBinary* findShader(std::string_view name);

/// Every shader, sorted by name. Thread-safe.
std::span<const ShaderBinary> allShaders();

}  // namespace rivulet::vk
