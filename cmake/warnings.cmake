# rivulet_warnings: the warning flags every target of the project is built with. Third-party headers come in as SYSTEM
# includes, so these flags never see them.
option(RIVULET_WERROR "Treat warnings as errors" OFF)

add_library(rivulet_warnings INTERFACE)
if(MSVC)
  target_compile_options(rivulet_warnings INTERFACE /W4 /permissive- /wd4324 /wd4127)
  target_compile_definitions(rivulet_warnings INTERFACE NOMINMAX _CRT_SECURE_NO_WARNINGS)
  if(RIVULET_WERROR)
    target_compile_options(rivulet_warnings INTERFACE /WX)
  endif()
else()
  target_compile_options(
    rivulet_warnings
    INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
              -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rivulet_warnings INTERFACE -Wduplicated-cond -Wlogical-op)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(rivulet_warnings INTERFACE -Wno-restrict) # GCC bug 105651: "a" + std::string
    endif()
  endif()
  if(RIVULET_WERROR)
    target_compile_options(rivulet_warnings INTERFACE -Werror)
  endif()
endif()
