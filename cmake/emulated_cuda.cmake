# SPDX-License-Identifier: Apache-2.0
#
# The kernels of the CUDA back end as the host's compiler compiles them, run without a GPU: no toolkit is needed.
include(cuda_tests)

# Stacks are switched by hand, so: x86-64, and no sanitizers.
function(blip_emulated_cuda_tests)
  if(BLIP_SANITIZE OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  add_library(blip_emulated_cuda STATIC "${PROJECT_SOURCE_DIR}/tests/support/simt/simt.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/simt/kernels.cpp")
  target_include_directories(blip_emulated_cuda PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/simt"
    "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(blip_emulated_cuda PRIVATE blip_development)
  target_compile_options(blip_emulated_cuda PRIVATE -O2 -Wno-unknown-pragmas)  # nvcc's `unroll`
  blip_cuda_tests(cuda blip_emulated_cuda)

  # The workloads of bench/goals.
  add_executable(gpu_goals_tiny "${PROJECT_SOURCE_DIR}/bench/goals/tiny_test.cpp" "${PROJECT_SOURCE_DIR}/bench/goals/report.cpp")
  target_include_directories(gpu_goals_tiny PRIVATE "${PROJECT_SOURCE_DIR}/bench" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(gpu_goals_tiny PRIVATE blip_emulated_cuda blip_development)
  blip_register_test(gpu_goals_tiny)
endfunction()
blip_emulated_cuda_tests()
