# What "cmake --install" gives: the library with its headers under include/rivulet, the command line, the shipped weights,
# a CMake package (find_package(Rivulet)) and a pkg-config file.
#
# A header of ours includes another as "core/error.h", a user's program includes it as <rivulet/core/error.h>: both
# folders are on the include path. The headers under vk/ include Vulkan's, newer than many distributions have, so a copy
# of the C headers comes along, used where the user's own are missing or too old.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Rivulet")
set(vulkan_dir "${CMAKE_INSTALL_INCLUDEDIR}/rivulet/third_party")
set(RIVULET_VULKAN_HEADERS_VERSION 1.4.309)

install(
  TARGETS rivulet
  EXPORT RivuletTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET rivulet-plugin)
  install(
    TARGETS rivulet-plugin rivulet-plugin-headers
    EXPORT RivuletTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/plugin/include/rivulet" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# Without the headers that show nlohmann/json, which no user of the library has to have.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/rivulet"
        FILES_MATCHING PATTERN "*.h"
        PATTERN "config_reader.h" EXCLUDE PATTERN "json_options.h" EXCLUDE PATTERN "scheduler_config.h" EXCLUDE)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/shaders/shared" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/rivulet"
        FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/models" DESTINATION "${CMAKE_INSTALL_DATADIR}/rivulet"
        FILES_MATCHING PATTERN "*.safetensors" PATTERN "*.md" PATTERN "*.png")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

get_target_property(vulkan_include Vulkan::Headers INTERFACE_INCLUDE_DIRECTORIES)
foreach(candidate IN LISTS vulkan_include)
  string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" candidate "${candidate}")
  if(EXISTS "${candidate}/vulkan/vulkan.h")
    install(DIRECTORY "${candidate}/vulkan" "${candidate}/vk_video" DESTINATION "${vulkan_dir}"
            FILES_MATCHING PATTERN "*.h")
    break()
  endif()
endforeach()

install(EXPORT RivuletTargets NAMESPACE Rivulet:: DESTINATION "${package_dir}")
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/RivuletConfig.cmake.in" "${PROJECT_BINARY_DIR}/RivuletConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" PATH_VARS vulkan_dir CMAKE_INSTALL_DATADIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/RivuletConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/RivuletConfig.cmake" "${PROJECT_BINARY_DIR}/RivuletConfigVersion.cmake"
        DESTINATION "${package_dir}")

# Relocatable: the prefix is found from where the .pc file lies.
set(pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH pc_to_prefix "/prefix/${pc_dir}" /prefix)
configure_file("${PROJECT_SOURCE_DIR}/cmake/rivulet.pc.in" "${PROJECT_BINARY_DIR}/rivulet.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/rivulet.pc" DESTINATION "${pc_dir}")
if(TARGET rivulet-plugin)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/rivulet-plugin.pc.in" "${PROJECT_BINARY_DIR}/rivulet-plugin.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/rivulet-plugin.pc" DESTINATION "${pc_dir}")
endif()
