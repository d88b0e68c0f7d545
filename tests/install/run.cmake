# Installs the build into a fresh prefix, then builds and runs tests/install/consumer against it: once with
# find_package(Rivulet), once with pkg-config. cmake -DBUILD= -DCONFIG= -DSOURCE= -DWORK= -DGENERATOR= -DCXX= -P run.cmake
function(run)
  list(JOIN ARGN " " line)
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK}")
set(prefix "${WORK}/prefix")
run("${CMAKE_COMMAND}" --install "${BUILD}" --config "${CONFIG}" --prefix "${prefix}")

run("${CMAKE_COMMAND}" -S "${SOURCE}/consumer" -B "${WORK}/build" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}"
    "-DCMAKE_BUILD_TYPE=${CONFIG}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=${WORK}/$<0:>bin")
run("${CMAKE_COMMAND}" --build "${WORK}/build" --config "${CONFIG}")
run("${WORK}/bin/consumer")
run("${WORK}/bin/plugin-consumer")

find_program(PKG_CONFIG pkg-config)
if(PKG_CONFIG AND NOT WIN32)
  file(GLOB_RECURSE pc "${prefix}/*/rivulet.pc")
  cmake_path(GET pc PARENT_PATH pc_dir)
  set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
  execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs rivulet OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run("${CXX}" -std=c++20 "${SOURCE}/consumer/consumer.cpp" ${flags} -o "${WORK}/consumer-pkgconfig")
  run("${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${pc_dir}/.." "${WORK}/consumer-pkgconfig")
  execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs rivulet-plugin OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run("${CXX}" -x c++ "${SOURCE}/consumer/plugin_consumer.c" ${flags} -o "${WORK}/plugin-consumer-pkgconfig")
  run("${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${pc_dir}/.." "${WORK}/plugin-consumer-pkgconfig")
endif()
