# SPDX-License-Identifier: Apache-2.0
#
# blip::cuda_kernels: the CUDA back end compiled by nvcc for sm_80 and sm_90a. With BLIP_WITH_CUDA=ON, not with AUTO: it
# takes a minute. Its tests read the machine code, and train a model where there is a GPU.
if(TARGET blip::cuda AND BLIP_WITH_CUDA STREQUAL "ON")
  enable_language(CUDA)
  file(GLOB blip_cuda_units CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cmake/instances/*.cu")
  add_library(blip_cuda_kernels STATIC ${blip_cuda_units})
  add_library(blip::cuda_kernels ALIAS blip_cuda_kernels)
  set_target_properties(blip_cuda_kernels PROPERTIES CUDA_ARCHITECTURES "80-real;90a-real"
    POSITION_INDEPENDENT_CODE ON)
  # CMake 3.25 does not know that nvcc speaks C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  set_target_properties(blip_cuda_kernels PROPERTIES CUDA_STANDARD 20 CUDA_EXTENSIONS OFF)
  # Constexpr functions of the standard library on the device; no false alarm about a conversion that a constraint rules
  # out; kernels that are not compressed, so that the check of instructions can read them.
  target_compile_options(blip_cuda_kernels PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -diag-suppress=554 -no-compress>)
  target_include_directories(blip_cuda_kernels PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/include")
  target_link_libraries(blip_cuda_kernels PUBLIC CUDA::cudart CUDA::cublasLt)

  if(PROJECT_IS_TOP_LEVEL)
    enable_testing()
    find_package(Python3 COMPONENTS Interpreter REQUIRED)
    add_test(NAME cuda_instructions COMMAND Python3::Interpreter
      "${CMAKE_CURRENT_SOURCE_DIR}/tests/cuda/check_instructions.py" "$<TARGET_FILE:blip_cuda_kernels>")
    add_executable(cuda_first_steps tests/cuda/first_steps.cpp)
    target_include_directories(cuda_first_steps PRIVATE tests)
    target_link_libraries(cuda_first_steps PRIVATE blip::blip blip::cuda_kernels)
    add_test(NAME cuda_first_steps COMMAND cuda_first_steps)
    set_tests_properties(cuda_first_steps PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endif()
