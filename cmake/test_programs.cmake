# SPDX-License-Identifier: Apache-2.0
find_package(Catch2 REQUIRED)
add_library(blip_catch_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/catch_main.cpp")
target_link_libraries(blip_catch_main PUBLIC Catch2::Catch2 blip_development)
target_include_directories(blip_catch_main PUBLIC "${PROJECT_SOURCE_DIR}/tests")
target_compile_definitions(blip_catch_main PUBLIC BLIP_GOLDEN_DIR="${blip_golden}")
target_compile_options(blip_catch_main PRIVATE -O0 -fno-sanitize=all)  # all of Catch: long to compile, soon done

set(blip_test_environment "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive" CACHE INTERNAL "")
if(BLIP_SANITIZE MATCHES "address")
  # clang's OpenMP runtime keeps what it allocated for its threads.
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/leaks.txt" CONTENT "leak:libomp.so\n" @ONLY)
  set(blip_test_environment "${blip_test_environment};LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_BINARY_DIR}/leaks.txt:print_suppressions=0" CACHE INTERNAL "")
endif()
function(blip_register_test name)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${blip_test_environment}" TIMEOUT 600)
endfunction()

# One program of all tests/<folder>/*_test.cpp, but for those that need a process of their own. LIBRARIES what it needs
# besides; blip_glue is for tests of what is built upon kernels, whose own tests compile them from the headers.
function(blip_test_program name folder)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.cpp")
  list(FILTER sources EXCLUDE REGEX "_alone_test\\.cpp$")
  if(sources)
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE blip_catch_main ${arg_LIBRARIES})
    blip_register_test(${name})
  endif()
endfunction()

# The cases of a program that are hidden under a tag, [.tag], because they take minutes, are a test of their own, begun
# early: it and the rest run side by side.
function(blip_cases_apart name tag)
  set_tests_properties(${name} PROPERTIES COST 100)
  add_test(NAME ${name}_${tag} COMMAND ${name} [${tag}])
  set_tests_properties(${name}_${tag} PROPERTIES ENVIRONMENT "${blip_test_environment}" TIMEOUT 600 COST 200)
endfunction()

# Golden cases of optimisation: no model, so nothing is written at configure time.
function(blip_golden_optim_test)
  if(NOT EXISTS "${blip_golden}/optim/schedules/case.json")
    message(FATAL_ERROR "No golden cases ${blip_golden}/optim; set BLIP_GOLDEN_DIR to a folder that holds them")
  endif()
  add_executable(golden_optim "${PROJECT_SOURCE_DIR}/tests/golden/optim_golden.cpp")
  target_link_libraries(golden_optim PRIVATE blip_catch_main blip::data)
  blip_register_test(golden_optim)
endfunction()

# Golden cases of texts and metrics: lists of lines; the program skips the cases that a clone lacks, and names them.
function(blip_golden_lines_test name source)
  if(TARGET blip::text)
    add_executable(${name} "${PROJECT_SOURCE_DIR}/tests/golden/${source}")
    target_link_libraries(${name} PRIVATE blip_catch_main blip::text blip::data)
    blip_register_test(${name})
  endif()
endfunction()

# Golden cases of pictures: files, resizes, augmentation. The test skips the cases that the folder lacks.
function(blip_golden_images_test)
  if(TARGET blip::images)
    add_executable(golden_images "${PROJECT_SOURCE_DIR}/tests/golden/images_golden.cpp")
    target_link_libraries(golden_images PRIVATE blip_catch_main blip::data blip::images)
    blip_register_test(golden_images)
  endif()
endfunction()

# tests/<folder>/<name>_alone_test.cpp: programs that replace operator new or expect to be killed.
function(blip_alone_programs)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*/*_alone_test.cpp")
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "_alone_test" "" name ${name})
    if(BLIP_SANITIZE AND source MATCHES "allocations|fenced")
      continue()  # sanitizers own the allocator and the signal
    endif()
    add_executable(test_${name} ${source})
    target_link_libraries(test_${name} PRIVATE blip_catch_main)
    blip_register_test(test_${name})
  endforeach()
endfunction()

# Files of static assertions: they pass by compiling.
function(blip_static_tests)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/static/*.cpp")
  if(sources)
    add_library(blip_static OBJECT ${sources})
    target_link_libraries(blip_static PRIVATE blip_development)
    add_test(NAME static COMMAND ${CMAKE_COMMAND} -E echo "static assertions held when they were compiled")
  endif()
endfunction()

# Every public header in one translation unit: no two may give the same name to different things.
function(blip_every_header_test)
  if(TARGET blip::data AND TARGET blip::text AND TARGET blip::images AND TARGET blip::webdataset)
    set(lines "")
    foreach(header IN LISTS blip_public_headers)
      string(REGEX REPLACE "^include/" "" header "${header}")
      string(APPEND lines "#include \"${header}\"\n")
    endforeach()
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/every_header.cpp" CONTENT "${lines}" @ONLY)
    add_library(blip_every_header OBJECT "${CMAKE_CURRENT_BINARY_DIR}/every_header.cpp")
    target_link_libraries(blip_every_header PRIVATE blip_development blip::data blip::text blip::images blip::webdataset)
    add_test(NAME every_header COMMAND ${CMAKE_COMMAND} -E echo "every header was compiled together")
  endif()
endfunction()

# The arithmetic of training steps of published size, held within its bounds.
function(blip_work_test)
  add_executable(work "${PROJECT_SOURCE_DIR}/bench/work.cpp")
  target_include_directories(work PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(work PRIVATE blip_development)
  blip_register_test(work)
endfunction()

# The same headers in two translation units, once with -march=native: nothing may be defined twice.
function(blip_two_units_test)
  add_executable(test_two_units "${PROJECT_SOURCE_DIR}/tests/consume/program/main.cpp"
    "${PROJECT_SOURCE_DIR}/tests/consume/program/second.cpp")
  target_link_libraries(test_two_units PRIVATE blip_development)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/consume/program/second.cpp" PROPERTIES COMPILE_OPTIONS -march=native)
  blip_register_test(test_two_units)
endfunction()
