# SPDX-License-Identifier: Apache-2.0
#
# -DBLIP_PRESETS="a/config.json;b/config.json": sizes that the tool holds besides those of its own sources, each one that
# transformers' BLIP has a class for. Sources for them are written when the project is configured.
set(BLIP_PRESETS "" CACHE FILEPATH "config.json of models whose sizes the tool holds as well")
set(number 0)
foreach(config IN LISTS BLIP_PRESETS)
  set(name added_${number})
  math(EXPR number "${number} + 1")
  blip_add_preset(blip_tool "${config}" NAME ${name})
  set(preset "blip_preset::${name}")
  if(blip_preset_class STREQUAL "BlipForConditionalGeneration")
    set(task caption)
    set(list captioners)
    set(options captioner_options)
    set(open "open_compiled_captioner<${preset}.structure, blip::cpu>(from, o, on)")
  elseif(blip_preset_class STREQUAL "BlipForImageTextRetrieval")
    set(task match)
    set(list matchers)
    set(options matcher_options)
    set(open "open_compiled_matcher<${preset}.structure, ${preset}_features, blip::cpu>(from, o, on)")
  else()
    set(task answer)
    set(list answerers)
    set(options answerer_options)
    set(open "std::make_unique<compiled_answerer<blip::blip_answerer<${preset}.structure, blip::cpu>>>(from, o, on)")
  endif()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/added/${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT
"// Written at configure time for @config@.
#include \"blip_preset/@name@.hpp\"
#include \"compiled_answerer.hpp\"

namespace tool {

const added_model @name@(@list@(), {
    \"@name@\", @preset@,
    [](const opened_model& from, const blip::@options@& o, const compute& on) -> std::unique_ptr<@task@_task> {
      require_processor(on, from.path);
      return @open@;
    }});

}  // namespace tool
" @ONLY)
  target_sources(blip_tool PRIVATE "${source}")
endforeach()
