# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(blip_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/blip)
install(TARGETS blip EXPORT blipTargets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Definitions and device code are no headers of their own, but belong to them.
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*-inl.hpp" PATTERN "*.cuh")
install(EXPORT blipTargets NAMESPACE blip:: DESTINATION ${blip_package_dir})
export(EXPORT blipTargets NAMESPACE blip:: FILE "${CMAKE_CURRENT_BINARY_DIR}/blipTargets.cmake")

configure_package_config_file(cmake/blipConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/blipConfig.cmake"
  INSTALL_DESTINATION ${blip_package_dir})
# Before 1.0 a minor version may change anything.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/blipConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
foreach(file components presets json_constants cuda_kernels)
  configure_file(cmake/${file}.cmake "${CMAKE_CURRENT_BINARY_DIR}/${file}.cmake" COPYONLY)
  install(FILES cmake/${file}.cmake DESTINATION ${blip_package_dir})
endforeach()
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/blipConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/blipConfigVersion.cmake"
  DESTINATION ${blip_package_dir})
file(GLOB units CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/cmake" cmake/instances/*.cu)
foreach(unit IN LISTS units)
  configure_file(cmake/${unit} "${CMAKE_CURRENT_BINARY_DIR}/${unit}" COPYONLY)
  install(FILES cmake/${unit} DESTINATION ${blip_package_dir}/instances)
endforeach()
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_file(cmake/blip.pc.in "${CMAKE_CURRENT_BINARY_DIR}/blip.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/blip.pc" DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
