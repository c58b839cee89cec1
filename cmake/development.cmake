# SPDX-License-Identifier: Apache-2.0
#
# What our own tests, examples and benchmarks are built with. Nothing here reaches a project that uses the library.
find_program(BLIP_CCACHE ccache)
mark_as_advanced(BLIP_CCACHE)
if(BLIP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${BLIP_CCACHE}")
endif()

set(BLIP_SANITIZE "" CACHE STRING "Sanitizers of our own targets, as for -fsanitize=")
set(BLIP_NATIVE OFF CACHE BOOL "Build our own targets for the processor at hand")

# -O0 where minutes of compiling count for more than the seconds that a test runs.
set(BLIP_GLUE_OPTIONS "" CACHE STRING "Compile options of our targets that take their kernels from blip::instances")

# One job per 2 GB: template code is hungry.
cmake_host_system_information(RESULT blip_memory QUERY AVAILABLE_PHYSICAL_MEMORY)
math(EXPR blip_jobs "${blip_memory} / 2048 + 1")
set_property(GLOBAL APPEND PROPERTY JOB_POOLS blip_compile=${blip_jobs})
set(CMAKE_JOB_POOL_COMPILE blip_compile)

add_library(blip_development INTERFACE)
target_link_libraries(blip_development INTERFACE blip::blip)
target_compile_options(blip_development INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# Sources of one unit hide each other's names, which clang minds and g++ does not; the preset `clang` has a unit for each.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(blip_development INTERFACE -Wno-shadow)
endif()
if(TARGET blip::onednn)
  target_link_libraries(blip_development INTERFACE blip::onednn)
endif()
if(BLIP_SANITIZE)
  target_compile_options(blip_development INTERFACE -fsanitize=${BLIP_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(blip_development INTERFACE -fsanitize=${BLIP_SANITIZE})
endif()
# GCC 12, optimising, mistakes its own "x" + std::to_string(n) for an overlapping copy (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(blip_development INTERFACE -Wno-restrict)
endif()
# It mistakes its own intrinsics and what sanitizers add for reads of uninitialised values, too.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND (BLIP_SANITIZE OR BLIP_NATIVE))
  target_compile_options(blip_development INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(BLIP_WITHOUT_OPENMP)
  target_compile_definitions(blip_development INTERFACE BLIP_THREAD_POOL)
endif()
if(BLIP_NATIVE)
  target_compile_options(blip_development INTERFACE -march=native)
endif()

# blip_glue: blip_development with the kernels of blip::instances, built with the same sanitizers, threads and processor.
# What is left to compile calls them, so it need not be fast.
add_library(blip_glue INTERFACE)
target_link_libraries(blip_glue INTERFACE blip_development)
if(TARGET blip_instances)
  target_link_libraries(blip_glue INTERFACE blip_instances)
  target_compile_options(blip_glue INTERFACE ${BLIP_GLUE_OPTIONS})
  target_compile_options(blip_instances PRIVATE $<TARGET_PROPERTY:blip_development,INTERFACE_COMPILE_OPTIONS>)
  target_compile_definitions(blip_instances PRIVATE $<TARGET_PROPERTY:blip_development,INTERFACE_COMPILE_DEFINITIONS>)
endif()
