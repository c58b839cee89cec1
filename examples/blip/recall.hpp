// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "blip/eval/retrieval_recall.hpp"
#include "blip/text/cleaning.hpp"
#include "blip/train/training_recipe_json.hpp"
#include "json_object.hpp"
#include "tasks.hpp"

// What `retrieve` and `evaluate` have in common.
namespace tool {

inline std::unique_ptr<retrieve_task> open_retriever_for(const opened_model& model, int shortlist, double gigabytes,
                                                         const compute& on) {
  blip::retriever_options how{.view = model.view,
                              .longest = std::min(35, model.sizes.options.text.embedding.positions),
                              .shortlist = shortlist,
                              .picture_bytes = static_cast<std::uint64_t>(gigabytes * 1e9)};
  how.follow(model.rules, model.of_albef());
  return open_retriever(model, how, on);
}

// A caption as the model's family trains on it.
inline std::string cleaned_for(const opened_model& model, const std::string& caption) {
  return blip::clean_caption(model.of_albef() ? blip::cleaning::albef : blip::cleaning::blip, caption);
}

// Recall in percent: tr of texts for pictures, ir of pictures for texts.
inline json_object& add_recall(json_object& to, const blip::retrieval_scores& r) {
  return to.number("tr1", r.image_to_text.r1)
      .number("tr5", r.image_to_text.r5)
      .number("tr10", r.image_to_text.r10)
      .number("ir1", r.text_to_image.r1)
      .number("ir5", r.text_to_image.r5)
      .number("ir10", r.text_to_image.r10);
}

// How many candidates a model is evaluated with: `said` unless it is negative, else the recipe's shortlist where the model
// lies in the folder of a run that has one, else 128, as published.
inline int shortlist_for(const std::string& model, int said) {
  if (said >= 0) return said;
  std::filesystem::path at = model;
  if (!at.has_filename()) at = at.parent_path();
  const std::string options = (at.parent_path() / "options.json").string();
  std::error_code none;
  if (!std::filesystem::exists(options, none)) return 128;
  try {
    const int found = blip::read_recipe(options).shortlist;
    return found > 0 ? found : 128;
  } catch (const blip::format_error&) {  // a file of something else
  } catch (const blip::config_error&) {
  }
  return 128;
}

}  // namespace tool
