# SPDX-License-Identifier: Apache-2.0
#
# blip::instances: the kernels of the cpu back end compiled once. Who links it includes declarations only.
file(GLOB blip_instance_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cmake/instances/*.cpp")
if(blip_instance_sources)
  add_library(blip_instances STATIC ${blip_instance_sources})
  add_library(blip::instances ALIAS blip_instances)
  target_link_libraries(blip_instances PUBLIC blip::blip)
  if(TARGET blip::onednn)
    target_link_libraries(blip_instances PUBLIC blip::onednn)
  endif()
  target_compile_definitions(blip_instances PRIVATE BLIP_BUILD_INSTANCES INTERFACE BLIP_EXPLICIT_ONLY)
  set_target_properties(blip_instances PROPERTIES POSITION_INDEPENDENT_CODE ON)
endif()
