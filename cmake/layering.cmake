# SPDX-License-Identifier: Apache-2.0
add_test(NAME layering COMMAND bash "${PROJECT_SOURCE_DIR}/cmake/check_layering.sh" "${PROJECT_SOURCE_DIR}")
add_test(NAME layering_self_test COMMAND bash "${PROJECT_SOURCE_DIR}/cmake/check_layering_test.sh")
set_tests_properties(layering layering_self_test PROPERTIES LABELS layering)
