// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "blip/generate/beam_rule.hpp"
#include "blip/generate/rank_answers.hpp"
#include "blip/io/weights_layout.hpp"

namespace blip::inline BLIP_ABI {

// Whose code a result is to equal: the repositories of ALBEF and BLIP, LAVIS, or transformers 5.
enum class profile { official, lavis, transformers };
inline constexpr std::array<std::string_view, 3> profile_names{"official", "lavis", "transformers"};

// What a model does with other code than that which trained it, the same weights given. Options of tasks take it by
// `follow`; what is set afterwards overrides it:
//   captioner_options o{.view = view};
//   o.follow(rules_of(profile::lavis));
//   o.prompt = "";
//
// Known differences that are not here, because there is nothing to choose, or not yet:
//   normalisation's epsilon, 480 or 384 pixels   of the model: its configuration holds them
//   torchvision's resize (transformers 5)         not there: pictures are resized as Pillow does, one level of 255 off
//   transparent pictures on white (the same)      not there: alpha is dropped, as everybody else does
//   padded question tokens that are attended to   not there: nothing is padded (BLIP's generation, transformers 5)
//   a pooled vision output, normalised twice      not there: no task reads it (transformers)
//   the prompt cut off captions                   texts hold it always; its ids are the first ones (official, LAVIS)
//   samples: top_k 50, top_p 0.9, penalty 1.1     options of their own: token_filter, token_rules (official, LAVIS)
//   cleaned captions of a data set                who reads the data does it (clean_caption)
//   dropout in momentum models, queues, decay     of training alone
struct profile_rules {
  beam_rule beams = beam_rule::transformers_4_15;  // how hypotheses are scored, when a search stops
  std::string_view prompt = "a picture of ";       // of captions
  bool cleaned_questions = true;                   // as clean_question does
  bool marked_questions = true;  // BLIP's questions begin with [ENC], as in training; else with [CLS]
  bool marked_match = true;      // so do texts whose probability of a match is asked for,
  bool marked_pairs = true;      // and those of every other pair: re-ranking, features, maps
  bool albef_closes = false;     // ALBEF's texts end with [SEP]
  bool albef_adds_similarity = false;  // ALBEF re-ranks by logit and cosine, as BLIP does, and not by the logit alone
  ranking_options albef_answers{.smoothing = 0, .first_token_twice = true};  // how ALBEF ranks answers
};

// In the order of profile. The official class for matching (blip_itm.py) leaves [CLS] in place; its other code does not.
// ALBEF is not in transformers: official. Source: the repositories; transformers, modeling_blip.py.
inline constexpr std::array<profile_rules, 3> published_rules{{
    {.marked_match = false},
    {.albef_closes = true, .albef_adds_similarity = true, .albef_answers = {.smoothing = 0.1}},
    {.beams = beam_rule::transformers_5,
     .prompt = "",
     .cleaned_questions = false,
     .marked_questions = false,
     .marked_match = false,
     .marked_pairs = false},
}};
constexpr const profile_rules& rules_of(profile p) { return published_rules[static_cast<std::size_t>(p)]; }

// The profile of a file of weights by its names.
constexpr profile profile_of(weights_layout layout) {
  return layout == weights_layout::lavis          ? profile::lavis
         : layout == weights_layout::transformers ? profile::transformers
                                                  : profile::official;
}

// What holds where nobody asks for a profile: that of the layout, but pairs of picture and text are always judged as
// the models were trained, with [ENC], whoever wrote the file.
constexpr profile_rules usual_rules(weights_layout layout) {
  profile_rules r = rules_of(profile_of(layout));
  r.marked_match = r.marked_pairs = true;
  return r;
}

}  // namespace blip::inline BLIP_ABI
