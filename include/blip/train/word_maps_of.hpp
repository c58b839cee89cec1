// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "blip/image/heat_overlay.hpp"
#include "blip/tasks/grounder.hpp"
#include "blip/train/bootstrap_measures.hpp"
#include "blip/train/report/bootstrap_findings.hpp"
#include "blip/train/report/picture_element.hpp"

namespace blip::inline BLIP_ABI {

// How much of a page the maps of words may take.
struct word_map_options {
  std::size_t pictures = 4, maps = 36;  // at most; a picture whose words are too many for what is left is passed over
  int side = 96;                        // pixels of a map; larger pictures are shrunk
};

// Where each word of a caption looks, by Grad-CAM for the logit of a match (blip/tasks/grounder.hpp): the first pictures
// of a set, each with an overlay per word of its caption. Throws what grounder and heat_overlay throw.
template <class Model>
std::vector<report::word_maps> word_maps_of(device<typename Model::backend_type>& d, const grounder<Model>& ground,
                                            const measured_pairs& p, const word_map_options& o = {}) {
  std::vector<report::word_maps> out;
  std::size_t maps = 0;
  for (std::size_t i = 0; i < p.pictures.size() && out.size() < o.pictures && maps < o.maps; ++i) {
    const grounding g = ground(d, p.pictures[i], p.texts[i]);
    if (g.words.empty() || maps + g.words.size() > o.maps) continue;
    maps += g.words.size();
    report::word_maps all{report::shrunk(p.pictures[i], o.side), p.texts[i], {}};
    for (const grounded_word& word : g.words)
      all.words.push_back({word.text, heat_overlay(all.picture, word.map, g.rows, g.columns)});
    out.push_back(std::move(all));
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
