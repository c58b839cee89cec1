# SPDX-License-Identifier: Apache-2.0
#
# blip::cuda_kernels: the CUDA back end compiled by nvcc for sm_80 and sm_90a. With BLIP_WITH_CUDA=ON, not with AUTO: it
# takes a minute; a project that found an installed library calls blip_add_cuda_kernels. Its tests read the machine code, and train a model where there is a GPU.
if(TARGET blip::cuda AND BLIP_WITH_CUDA STREQUAL "ON")
  enable_language(CUDA)
  blip_add_cuda_kernels(blip_cuda_kernels)
  add_library(blip::cuda_kernels ALIAS blip_cuda_kernels)

  if(PROJECT_IS_TOP_LEVEL)
    # Kernels that are not compressed, so that the check of instructions can read them.
    target_compile_options(blip_cuda_kernels PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-no-compress>)
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
