# Shaders are compiled while the project builds and embedded in the library.
#
#   rivulet_add_shader(<path> [<define>...] [TARGET <env>] [VARIANT <name> [<define>...] [TARGET <env>]]...)
#
# <path> is relative to shaders/, with or without ".comp": rivulet_add_shader(ops/linear). A define is NAME or
# NAME=VALUE; those before the first VARIANT apply to every variant. <env> is vulkan1.1 (default), vulkan1.2 or vulkan1.3.
# Without VARIANT the shader is found at run time as "ops/linear"; a variant as "ops/linear.f16", and then there is no
# plain "ops/linear" unless a second call without VARIANT adds it.
#
# Every variant is one small C++ file with its own dependency list: touching a shader, or a header it includes,
# recompiles exactly what depends on it.

set(RIVULET_SHADER_DIR "${CMAKE_CURRENT_LIST_DIR}/../shaders")
cmake_path(NORMAL_PATH RIVULET_SHADER_DIR)

function(rivulet_compile_variant source name target defines)
  string(MAKE_C_IDENTIFIER "kShader_${name}" symbol)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
  cmake_path(GET output PARENT_PATH folder)
  file(MAKE_DIRECTORY "${folder}")
  list(TRANSFORM defines PREPEND "-D")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND rivulet-shader-compiler --root "${RIVULET_SHADER_DIR}" --target ${target} --symbol ${symbol}
            --depfile "${output}.d" --output "${output}" ${defines} "${source}"
    DEPENDS "${source}" rivulet-shader-compiler
    DEPFILE "${output}.d"
    COMMENT "Shader ${name}"
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY RIVULET_SHADER_SOURCES "${output}")
  set_property(GLOBAL APPEND PROPERTY RIVULET_SHADER_NAMES "${name}")
endfunction()

function(rivulet_add_shader path)
  string(REGEX REPLACE "\\.comp$" "" stem "${path}")
  set(source "${RIVULET_SHADER_DIR}/${stem}.comp")
  if(NOT EXISTS "${source}")
    message(FATAL_ERROR "rivulet_add_shader(${path}): no file shaders/${stem}.comp")
  endif()

  set(common_defines "")
  set(common_target vulkan1.1)
  set(variants "")
  set(expect "")
  foreach(word IN LISTS ARGN)
    if(expect STREQUAL "VARIANT")
      list(APPEND variants "${word}")
      set(current "${word}")
      set(defines_${current} "${common_defines}")
      set(target_${current} "${common_target}")
      set(expect "")
    elseif(expect STREQUAL "TARGET")
      if(NOT word MATCHES "^vulkan1\\.[123]$")
        message(FATAL_ERROR "rivulet_add_shader(${path}): TARGET is vulkan1.1, vulkan1.2 or vulkan1.3, not ${word}")
      endif()
      if(variants)
        set(target_${current} "${word}")
      else()
        set(common_target "${word}")
      endif()
      set(expect "")
    elseif(word STREQUAL "VARIANT" OR word STREQUAL "TARGET")
      set(expect "${word}")
    elseif(variants)
      list(APPEND defines_${current} "${word}")
    else()
      list(APPEND common_defines "${word}")
    endif()
  endforeach()
  if(expect)
    message(FATAL_ERROR "rivulet_add_shader(${path}): nothing follows ${expect}")
  endif()

  if(NOT variants)
    rivulet_compile_variant("${source}" "${stem}" ${common_target} "${common_defines}")
  endif()
  foreach(variant IN LISTS variants)
    rivulet_compile_variant("${source}" "${stem}.${variant}" ${target_${variant}} "${defines_${variant}}")
  endforeach()
endfunction()

# Called once, after the list: makes the object library rivulet_shaders (every shader and the table of them).
function(rivulet_finish_shaders)
  get_property(sources GLOBAL PROPERTY RIVULET_SHADER_SOURCES)
  get_property(names GLOBAL PROPERTY RIVULET_SHADER_NAMES)
  list(SORT names)
  set(unique ${names})
  list(REMOVE_DUPLICATES unique)
  if(NOT "${unique}" STREQUAL "${names}")
    message(FATAL_ERROR "shaders/CMakeLists.txt: a shader name is listed twice: ${names}")
  endif()

  set(declarations "")
  set(rows "")
  foreach(name IN LISTS names)
    string(MAKE_C_IDENTIFIER "kShader_${name}" symbol)
    string(APPEND declarations "extern const std::uint32_t ${symbol}[];\nextern const std::size_t ${symbol}_words;\n")
    string(APPEND rows "      {\"${name}\", {shaders::${symbol}, shaders::${symbol}_words}},\n")
  endforeach()
  list(LENGTH names count)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/shader_table.cpp.in" "${CMAKE_CURRENT_BINARY_DIR}/shader_table.cpp" @ONLY)

  add_library(rivulet_shaders OBJECT ${sources} "${CMAKE_CURRENT_BINARY_DIR}/shader_table.cpp")
  target_include_directories(rivulet_shaders PRIVATE "${PROJECT_SOURCE_DIR}/runtime")
  set_target_properties(rivulet_shaders PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
endfunction()
