# SPDX-License-Identifier: Apache-2.0
#
# The tests of the CUDA back end: on the emulated GPU (emulated_cuda.cmake) and on a real one (gpu_programs.cmake).

# Programs that link LIBRARY see tests/cuda/laws first: there `support/laws.hpp` and `support/backends.hpp` are those of
# the GPU.
function(blip_cuda_program name library)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/cuda/laws")
  target_link_libraries(${name} PRIVATE ${library} blip_catch_main)
  blip_register_test(${name})
endfunction()

# test_<name> of tests/cuda but what matches LEAVING_OUT, test_<name>_ops and test_<name>_layers of the laws, and golden
# cases golden_*_<name>.
function(blip_cuda_tests name library)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "LEAVING_OUT" "")
  file(GLOB ours CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cuda/*_test.cpp")
  if(arg_LEAVING_OUT)
    list(FILTER ours EXCLUDE REGEX "${arg_LEAVING_OUT}")
  endif()
  blip_cuda_program(test_${name} ${library} ${ours})
  foreach(folder ops layers)
    file(GLOB laws CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.cpp")
    list(FILTER laws EXCLUDE REGEX "ops/(pairs|start_gradient)_test|layers/complex_test")  # about other back ends
    blip_cuda_program(test_${name}_${folder} ${library} ${laws})
  endforeach()
  if(TARGET blip::data)
    foreach(case albef/pretrain/pretrain.cpp blip/pretrain/pretrain.cpp blip/vit/blip_vit.cpp
                 blip/caption-generate/generate_caption.cpp)
      string(REPLACE "/" ";" parts ${case})
      list(GET parts 0 family)
      list(GET parts 1 folder)
      list(GET parts 2 source)
      blip_golden_test(${family} ${folder} ${source} _${name})
      set(target golden_${family}_${folder}_${name})
      if(TARGET ${target})
        target_include_directories(${target} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/cuda/laws")
        target_link_libraries(${target} PRIVATE ${library})
      endif()
    endforeach()
  endif()
endfunction()
