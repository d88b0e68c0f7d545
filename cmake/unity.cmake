# Unity builds: several sources in one compilation, which parses their headers and instantiates their templates once.
# Names in unnamed namespaces must therefore differ within a target. Who changes one file again and again does better
# without: the debug preset.
option(RIVULET_UNITY "Compile several sources at once: a faster first build, a slower next one" OFF)

# rivulet_unity(TARGET BATCH [EXCEPT SOURCE...]): BATCH sources at once, but for those whose names clash.
function(rivulet_unity target batch)
  if(MSVC) # has not been tried: it warns of other names that hide each other than GCC and Clang do
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "EXCEPT")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${RIVULET_UNITY} UNITY_BUILD_BATCH_SIZE ${batch})
  set_source_files_properties(${arg_EXCEPT} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
