# SPDX-License-Identifier: Apache-2.0

# The one line for a copy of examples/skeleton_layer or examples/skeleton_op: builds FOLDER/*_test.cpp and registers it.
function(blip_add_skeleton folder)
  get_filename_component(directory "${folder}" ABSOLUTE)
  get_filename_component(name "${directory}" NAME)
  file(GLOB sources CONFIGURE_DEPENDS "${directory}/*_test.cpp")
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE blip_catch_main)
  blip_register_test(test_${name})
endfunction()

# Copies a skeleton under another name into the build folder, as a user would, and adds the copy.
function(blip_add_skeleton_copy folder name)
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" text)
    string(REPLACE "${folder}" "${name}" text "${text}")
    get_filename_component(base "${file}" NAME)
    string(REPLACE "${folder}" "${name}" base "${base}")
    file(CONFIGURE OUTPUT "${copy}/${base}" CONTENT "${text}" @ONLY)
  endforeach()
  blip_add_skeleton("${copy}")
endfunction()
