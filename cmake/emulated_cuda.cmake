# SPDX-License-Identifier: Apache-2.0
#
# The kernels of the CUDA back end as the host's compiler compiles them, run without a GPU: no toolkit is needed.
include(cuda_tests)
include(goals)

# Stacks are switched by hand, so: x86-64, and no sanitizer of threads.
function(blip_emulated_cuda_tests)
  if(BLIP_SANITIZE MATCHES "thread" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  add_library(blip_emulated_cuda STATIC "${PROJECT_SOURCE_DIR}/tests/support/simt/simt.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/simt/kernels.cpp")
  target_include_directories(blip_emulated_cuda PUBLIC "${PROJECT_SOURCE_DIR}/tests/support/simt"
    PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(blip_emulated_cuda PRIVATE blip_development)
  target_compile_options(blip_emulated_cuda PRIVATE -O2 -Wno-unknown-pragmas)  # nvcc's `unroll`
  set(all)
  if(BLIP_TEST_SET STREQUAL "emulated")
    set(all ALL)
  endif()
  blip_cuda_tests(cuda blip_emulated_cuda ${all})

  # Kernels that count what they load and store: the thread sanitizer's calls, answered by traffic.cpp.
  if(NOT BLIP_SANITIZE)
    add_executable(test_cuda_traffic "${PROJECT_SOURCE_DIR}/tests/cuda/traffic/traffic_test.cpp"
      "${PROJECT_SOURCE_DIR}/tests/cuda/traffic/kernels.cpp" "${PROJECT_SOURCE_DIR}/tests/support/simt/simt.cpp"
      "${PROJECT_SOURCE_DIR}/tests/support/simt/traffic.cpp")
    set_target_properties(test_cuda_traffic PROPERTIES UNITY_BUILD OFF)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/cuda/traffic/kernels.cpp" PROPERTIES COMPILE_OPTIONS
      "-O2;-fsanitize=thread;-Wno-unknown-pragmas")
    target_include_directories(test_cuda_traffic PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/simt" "${PROJECT_SOURCE_DIR}/bench")
    target_link_libraries(test_cuda_traffic PRIVATE blip_catch_main)
    blip_register_test(test_cuda_traffic)
  endif()

  blip_goals_program(gpu_goals_tiny SOURCES tiny_test.cpp report.cpp LIBRARIES blip_emulated_cuda)
  blip_register_test(gpu_goals_tiny)
endfunction()
blip_emulated_cuda_tests()

# The script for a machine with a GPU, on one without.
blip_goals_program(gpu_goals SOURCES gpu_goals.cpp report.cpp without_cuda.cpp)
# Launches of a decode step at published sizes.
add_test(NAME gpu_goals_decode COMMAND gpu_goals --decode)
add_test(NAME gpu_check_script COMMAND bash "${PROJECT_SOURCE_DIR}/tests/cuda/gpu_check_test.sh" "${PROJECT_SOURCE_DIR}"
  $<TARGET_FILE:gpu_goals>)
