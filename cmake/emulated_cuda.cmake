# SPDX-License-Identifier: Apache-2.0
#
# The kernels of the CUDA back end as the host's compiler compiles them, run without a GPU: no toolkit is needed.

# Programs that link the emulated GPU see tests/cuda/laws first: there `support/laws.hpp` and `support/backends.hpp` are
# those of the GPU.
function(blip_emulated_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/cuda/laws")
  target_link_libraries(${name} PRIVATE blip_emulated_cuda blip_catch_main)
  blip_register_test(${name})
endfunction()

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
  file(GLOB ours CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cuda/*_test.cpp")
  blip_emulated_program(test_cuda ${ours})
  foreach(folder ops layers)
    file(GLOB laws CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.cpp")
    list(FILTER laws EXCLUDE REGEX "ops/(pairs|start_gradient)_test|layers/complex_test")  # about other back ends
    blip_emulated_program(test_cuda_${folder} ${laws})
  endforeach()
  add_executable(gpu_goals_tiny "${PROJECT_SOURCE_DIR}/bench/goals/tiny_test.cpp" "${PROJECT_SOURCE_DIR}/bench/goals/report.cpp")
  target_include_directories(gpu_goals_tiny PRIVATE "${PROJECT_SOURCE_DIR}/bench" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(gpu_goals_tiny PRIVATE blip_emulated_cuda blip_development)
  blip_register_test(gpu_goals_tiny)
  if(TARGET blip::data)
    foreach(case albef/pretrain/pretrain.cpp blip/pretrain/pretrain.cpp blip/vit/blip_vit.cpp
                 blip/caption-generate/generate_caption.cpp)
      string(REPLACE "/" ";" parts ${case})
      list(GET parts 0 family)
      list(GET parts 1 name)
      list(GET parts 2 source)
      blip_golden_test(${family} ${name} ${source} _cuda)
      set(target golden_${family}_${name}_cuda)
      if(TARGET ${target})
        target_include_directories(${target} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/cuda/laws")
        target_link_libraries(${target} PRIVATE blip_emulated_cuda)
      endif()
    endforeach()
  endif()
endfunction()
blip_emulated_cuda_tests()
