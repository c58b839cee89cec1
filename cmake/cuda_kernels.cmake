# SPDX-License-Identifier: Apache-2.0
#
# The kernels of the CUDA back end, compiled in the project that uses them: nvcc, architectures and flags are its own.

# blip_add_cuda_kernels(NAME [ARCHITECTURES ...]): NAME is a static library of all kernels, for sm_80 and sm_90a unless
# other architectures, from 80 on, are given (as CMake's CUDA_ARCHITECTURES). Needs the component `cuda` and the language CUDA;
# compiling takes about a minute. Who links NAME includes blip/backend/cuda.hpp and needs no CUDA header:
#
#   project(mine LANGUAGES CXX CUDA)
#   find_package(blip REQUIRED COMPONENTS cuda)
#   blip_add_cuda_kernels(my_kernels)
#   target_link_libraries(mine PRIVATE my_kernels)
function(blip_add_cuda_kernels name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ARCHITECTURES")
  if(NOT TARGET blip::cuda)
    message(FATAL_ERROR "blip_add_cuda_kernels: ask for the component first: find_package(blip REQUIRED COMPONENTS cuda)")
  elseif(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR "blip_add_cuda_kernels: enable the language CUDA first: project(... LANGUAGES CXX CUDA)")
  elseif(NOT arg_ARCHITECTURES)
    set(arg_ARCHITECTURES 80-real 90a-real)
  endif()
  file(GLOB units "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/instances/*.cu")
  add_library(${name} STATIC ${units})
  set_target_properties(${name} PROPERTIES CUDA_ARCHITECTURES "${arg_ARCHITECTURES}" POSITION_INDEPENDENT_CODE ON)
  # CMake 3.24 does not know that nvcc speaks C++20, so the flag is ours and no standard is asked for.
  set_property(TARGET ${name} PROPERTY CUDA_STANDARD)
  # Constexpr functions of the standard library on the device; no false alarm about a conversion that a constraint rules
  # out.
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 --expt-relaxed-constexpr -diag-suppress=554>)
  target_link_libraries(${name} PUBLIC blip::cuda)
endfunction()
