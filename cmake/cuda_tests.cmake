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
# cases golden_*_<name>; ALL: laws of towers, and every golden case of both families, too.
function(blip_cuda_tests name library)
  cmake_parse_arguments(PARSE_ARGV 2 arg "ALL" "LEAVING_OUT" "")
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
  set(cases albef/pretrain/pretrain.cpp blip/pretrain/pretrain.cpp blip/vit/blip_vit.cpp
    blip/caption-generate/generate_caption.cpp)
  if(arg_ALL)
    blip_cuda_program(test_${name}_models ${library} "${PROJECT_SOURCE_DIR}/tests/models/towers_test.cpp")
    list(APPEND cases albef/pretrain_alpha0/pretrain.cpp albef/retrieval/retrieval.cpp blip/retrieval/retrieval.cpp
      blip/caption-train/caption_train.cpp albef/vqa/answers.cpp blip/vqa-train/answers.cpp albef/ve/entailment.cpp
      albef/nlvr/entailment.cpp albef/pretrain_nlvr/text_assignment.cpp blip/nlvr/pair_reasoning.cpp
      blip/itm-head/matching.cpp albef/grounding/grounding.cpp blip/itm-head/attention_maps.cpp/_maps
      blip/vqa-generate/generate_answer.cpp blip/vqa-rank/answer_ranking.cpp albef/vqa/answer_ranking.cpp/_rank
      blip/med-text/blip_med.cpp blip/med-multimodal/blip_med.cpp blip/med-decoder/blip_med.cpp
      albef/text_encoder/albef_text_encoder.cpp)
  endif()
  if(TARGET blip::data)
    foreach(case ${cases})
      string(REPLACE "/" ";" parts ${case})
      list(POP_FRONT parts family folder source suffix)
      blip_golden_test(${family} ${folder} ${source} ${suffix}_${name})
      set(target golden_${family}_${folder}${suffix}_${name})
      if(TARGET ${target})
        target_include_directories(${target} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/cuda/laws")
        target_link_libraries(${target} PRIVATE ${library})
        # Not those whose numbers decide what comes next, nor ALBEF's two pictures, where rounding grows (docs/numerics.md).
        if(NOT case MATCHES "generate|rank|maps|grounding|itm-head|albef/(pretrain_)?nlvr")
          add_test(NAME ${target}_bf16 COMMAND ${target})
          set_tests_properties(${target}_bf16 PROPERTIES TIMEOUT 600
            ENVIRONMENT "${blip_test_environment};BLIP_GOLDEN_PRODUCTS=bf16")
        endif()
      endif()
    endforeach()
  endif()
endfunction()
