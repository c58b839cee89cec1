# SPDX-License-Identifier: Apache-2.0
#
# -DBLIP_PRESETS="a/config.json;b/config.json": sizes that the tool holds besides those of its own sources, each one that
# transformers' BLIP has a class for. Sources for them are written when the project is configured.
set(BLIP_PRESETS "" CACHE FILEPATH "config.json of models whose sizes the tool holds as well")
set(added_declarations "")
set(added_caption "")
set(added_match "")
set(added_answer "")
set(added_sources "")
set(number 0)
foreach(config IN LISTS BLIP_PRESETS)
  set(name added_${number})
  math(EXPR number "${number} + 1")
  blip_add_preset(blip_tool "${config}" NAME ${name})
  set(preset "blip_preset::${name}")
  if(blip_preset_class STREQUAL "BlipForConditionalGeneration")
    set(task caption)
    set(options captioner_options)
    set(open "open_compiled_captioner<${preset}.structure, blip::cpu>(from, o, on)")
  elseif(blip_preset_class STREQUAL "BlipForImageTextRetrieval")
    set(task match)
    set(options matcher_options)
    set(open "open_compiled_matcher<${preset}.structure, ${preset}_features, blip::cpu>(from, o, on)")
  else()
    set(task answer)
    set(options answerer_options)
    set(open "std::make_unique<compiled_answerer<blip::blip_answerer<${preset}.structure, blip::cpu>>>(from, o, on)")
  endif()
  set(type "compiled_model<${task}_task, blip::${options}>")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/added/${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT
"// Written at configure time for @config@.
#include \"blip_preset/@name@.hpp\"
#include \"compiled_answerer.hpp\"

namespace tool {

extern const @type@ @name@;
const @type@ @name@{
    \"@name@\", @preset@,
    [](const opened_model& from, const blip::@options@& o, const compute& on) -> std::unique_ptr<@task@_task> {
      require_processor(on, from.path);
      return @open@;
    }};

}  // namespace tool
" @ONLY)
  list(APPEND added_sources "${source}")
  string(APPEND added_declarations "extern const ${type} ${name};\n")
  string(APPEND added_${task} ", &${name}")
endforeach()
foreach(task caption match answer)
  string(REGEX REPLACE "^, " "" added_${task} "${added_${task}}")
endforeach()
if(NOT BLIP_PRESETS)
  target_sources(blip_tool PRIVATE nothing_added.cpp)
  return()
endif()
set(list "${CMAKE_CURRENT_BINARY_DIR}/added/added_models.cpp")
file(CONFIGURE OUTPUT "${list}" CONTENT
"// Written at configure time: the sizes that BLIP_PRESETS names.
#include \"added_models.hpp\"

namespace tool {

@added_declarations@
std::vector<const compiled_model<caption_task, blip::captioner_options>*> added_captioners() {
  return {@added_caption@};
}
std::vector<const compiled_model<match_task, blip::matcher_options>*> added_matchers() {
  return {@added_match@};
}
std::vector<const compiled_model<answer_task, blip::answerer_options>*> added_answerers() {
  return {@added_answer@};
}

}  // namespace tool
" @ONLY)
target_sources(blip_tool PRIVATE ${added_sources} "${list}")
