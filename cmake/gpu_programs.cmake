# SPDX-License-Identifier: Apache-2.0
#
# What bench/gpu_check.sh runs on a machine with a GPU: the tests of the CUDA back end with its real kernels, the laws of
# ops and layers, golden cases, the workloads of bench/goals. Target gpu_programs builds all of them.
include(cuda_tests)
include(goals)

if(NOT TARGET blip::cuda_kernels)
  message(FATAL_ERROR "BLIP_TEST_SET=gpu needs BLIP_WITH_CUDA=ON")
endif()
add_library(blip_on_gpu INTERFACE)
# There `support/simt/simt.hpp` is that of a GPU, whose warps run in whatever order they do.
target_include_directories(blip_on_gpu BEFORE INTERFACE "${PROJECT_SOURCE_DIR}/tests/cuda/device")
target_link_libraries(blip_on_gpu INTERFACE blip::cuda_kernels)
blip_cuda_tests(gpu blip_on_gpu LEAVING_OUT simt_test)

blip_goals_program(gpu_goals SOURCES gpu_goals.cpp report.cpp on_cuda.cpp LIBRARIES blip::cuda_kernels)
blip_goals_program(gpu_ceilings SOURCES ceilings.cpp LIBRARIES blip::cuda_kernels)

get_property(programs DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER programs INCLUDE REGEX "^(test_gpu|golden_.*_gpu$|gpu_)")
add_custom_target(gpu_programs DEPENDS cuda_first_steps ${programs})
