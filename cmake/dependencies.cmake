# The one list of dependencies. Each is looked for in this order:
#   1. third_party/overrides.cmake, which scripts/setup writes where the distribution is too old (Debian 12)
#   2. an installed CMake package that is new enough (Vulkan SDK, vcpkg, Debian 13, Ubuntu)
#   3. the release archive from GitHub
# The runtime needs the first four; the tests add GTest, the command line CLI11, the demo GLFW and Dear ImGui.
include(FetchContent)
include("${CMAKE_CURRENT_LIST_DIR}/../third_party/overrides.cmake" OPTIONAL)

set(gh https://github.com)
FetchContent_Declare(
  VulkanHeaders
  URL ${gh}/KhronosGroup/Vulkan-Headers/archive/refs/tags/v1.4.309.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 1.4.309 CONFIG)
FetchContent_Declare(
  VulkanMemoryAllocator
  URL ${gh}/GPUOpen-LibrariesAndSDKs/VulkanMemoryAllocator/archive/refs/tags/v3.2.1.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 3.1 CONFIG)
FetchContent_Declare(
  glslang
  URL ${gh}/KhronosGroup/glslang/archive/refs/tags/15.1.0.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 15 CONFIG)
FetchContent_Declare(
  nlohmann_json
  URL ${gh}/nlohmann/json/archive/refs/tags/v3.11.3.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 3.11 CONFIG)
FetchContent_Declare(
  CLI11
  URL ${gh}/CLIUtils/CLI11/archive/refs/tags/v2.4.2.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 2.1 CONFIG)
FetchContent_Declare(
  GTest
  URL ${gh}/google/googletest/archive/refs/tags/v1.16.0.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 1.12 CONFIG)
FetchContent_Declare(
  glfw3
  URL ${gh}/glfw/glfw/archive/refs/tags/3.4.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE
  FIND_PACKAGE_ARGS 3.3 CONFIG)
FetchContent_Declare(
  imgui # always from its source: the demo compiles the two back ends that suit it
  URL ${gh}/ocornut/imgui/archive/refs/tags/v1.92.2b.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE)
FetchContent_Declare(
  stb
  URL ${gh}/nothings/stb/archive/5c205738c191bcb0abc65c4febfa9bd25ff35234.tar.gz
  DOWNLOAD_EXTRACT_TIMESTAMP TRUE)

# glslang: compile GLSL to SPIR-V and nothing else; its optimiser would need SPIRV-Tools.
foreach(off ENABLE_OPT ENABLE_HLSL ENABLE_SPVREMAPPER ENABLE_GLSLANG_BINARIES GLSLANG_TESTS GLSLANG_ENABLE_INSTALL
            BUILD_EXTERNAL ENABLE_PCH)
  set(${off} OFF CACHE BOOL "glslang, for Rivulet's shaders" FORCE)
endforeach()
foreach(off JSON_BuildTests JSON_Install CLI11_BUILD_TESTS CLI11_BUILD_EXAMPLES CLI11_BUILD_DOCS CLI11_INSTALL
            GLFW_BUILD_DOCS GLFW_BUILD_EXAMPLES GLFW_BUILD_TESTS GLFW_INSTALL INSTALL_GTEST VMA_BUILD_DOCUMENTATION VMA_ENABLE_INSTALL VULKAN_HEADERS_ENABLE_INSTALL)
  set(${off} OFF CACHE BOOL "" FORCE)
endforeach()
set(gtest_force_shared_crt ON CACHE BOOL "" FORCE)

# Third-party code is compiled alike and static whatever the preset (ccache then has it for the next preset), and
# optimised lightly: it compiles a few dozen shaders during the build, and takes twice as long to build with -O3.
function(rivulet_make_available)
  if(NOT MSVC)
    foreach(config DEBUG RELEASE RELWITHDEBINFO)
      set(CMAKE_C_FLAGS_${config} "-O1 -DNDEBUG")
      set(CMAKE_CXX_FLAGS_${config} "-O1 -DNDEBUG")
    endforeach()
  endif()
  string(APPEND CMAKE_C_FLAGS " -w") # MSVC knows it too
  string(APPEND CMAKE_CXX_FLAGS " -w")
  set(BUILD_SHARED_LIBS OFF)
  set(CMAKE_EXPORT_COMPILE_COMMANDS OFF)
  set(CMAKE_SUPPRESS_DEVELOPER_WARNINGS ON CACHE INTERNAL "")
  FetchContent_MakeAvailable(${ARGN})
  unset(CMAKE_SUPPRESS_DEVELOPER_WARNINGS CACHE)
endfunction()

rivulet_make_available(VulkanHeaders VulkanMemoryAllocator nlohmann_json glslang)
if(RIVULET_TOOLS)
  rivulet_make_available(CLI11)
endif()
if(RIVULET_TESTS)
  rivulet_make_available(GTest)
endif()

# The demo, where there are GLFW and Dear ImGui. AUTO does without it, and fetches nothing; ON fetches what is missing.
set(RIVULET_DEMO_BUILT OFF)
if(RIVULET_PLUGIN AND RIVULET_TOOLS AND NOT RIVULET_DEMO STREQUAL "OFF")
  find_package(glfw3 3.3 CONFIG QUIET)
  if(RIVULET_DEMO STREQUAL "ON" OR (glfw3_FOUND AND FETCHCONTENT_SOURCE_DIR_IMGUI))
    set(RIVULET_DEMO_BUILT ON)
  else()
    message(STATUS "demo is left out: it needs GLFW and the source of Dear ImGui (-DRIVULET_DEMO=ON fetches them)")
  endif()
endif()
if(RIVULET_DEMO_BUILT)
  rivulet_make_available(glfw3 imgui)
  FetchContent_GetProperties(imgui) # its folder: it has no CMakeLists.txt of its own
  add_library(rivulet_glfw INTERFACE IMPORTED)
  target_link_libraries(rivulet_glfw INTERFACE glfw)
  add_library(
    rivulet_imgui STATIC
    "${imgui_SOURCE_DIR}/imgui.cpp" "${imgui_SOURCE_DIR}/imgui_draw.cpp" "${imgui_SOURCE_DIR}/imgui_tables.cpp"
    "${imgui_SOURCE_DIR}/imgui_widgets.cpp" "${imgui_SOURCE_DIR}/backends/imgui_impl_glfw.cpp"
    "${imgui_SOURCE_DIR}/backends/imgui_impl_vulkan.cpp")
  target_include_directories(rivulet_imgui SYSTEM PUBLIC "${imgui_SOURCE_DIR}")
  # Vulkan's functions come from the loader the demo opens.
  target_compile_definitions(rivulet_imgui PUBLIC IMGUI_IMPL_VULKAN_NO_PROTOTYPES IMGUI_DISABLE_OBSOLETE_FUNCTIONS)
  target_link_libraries(rivulet_imgui PUBLIC Vulkan::Headers PRIVATE rivulet_glfw)
  set_target_properties(rivulet_imgui PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
  if(NOT MSVC)
    target_compile_options(rivulet_imgui PRIVATE -w)
  endif()
endif()

# stb ships no CMake package: an installed header, or the archive.
find_path(RIVULET_STB_INCLUDE_DIR stb_image_write.h PATH_SUFFIXES stb)
if(NOT RIVULET_STB_INCLUDE_DIR)
  FetchContent_GetProperties(stb)
  if(NOT stb_POPULATED)
    FetchContent_Populate(stb)
  endif()
  set(RIVULET_STB_INCLUDE_DIR "${stb_SOURCE_DIR}" CACHE PATH "Where stb_image_write.h is" FORCE)
endif()
add_library(rivulet_stb INTERFACE IMPORTED)
target_include_directories(rivulet_stb SYSTEM INTERFACE "${RIVULET_STB_INCLUDE_DIR}")

# glslang's targets are named differently in a package and in its source tree: one name from here on.
add_library(rivulet_glslang INTERFACE IMPORTED)
foreach(part SPIRV glslang glslang-default-resource-limits)
  if(TARGET glslang::${part})
    target_link_libraries(rivulet_glslang INTERFACE glslang::${part})
  else()
    target_link_libraries(rivulet_glslang INTERFACE ${part})
  endif()
endforeach()
# Our warnings are not for headers built from a source tree either.
foreach(name SPIRV glslang glslang-default-resource-limits Vulkan::Headers GPUOpen::VulkanMemoryAllocator
             nlohmann_json::nlohmann_json CLI11::CLI11 GTest::gtest GTest::gmock)
  if(TARGET ${name})
    get_target_property(real ${name} ALIASED_TARGET)
    if(NOT real)
      set(real ${name})
    endif()
    get_target_property(folders ${real} INTERFACE_INCLUDE_DIRECTORIES)
    if(folders)
      set_property(TARGET ${real} APPEND PROPERTY INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${folders})
    endif()
  endif()
endforeach()

find_package(SPIRV-Tools-opt CONFIG QUIET) # a packaged glslang may need it without saying so
if(TARGET SPIRV-Tools-opt AND NOT TARGET SPIRV)
  target_link_libraries(rivulet_glslang INTERFACE SPIRV-Tools-opt)
endif()
