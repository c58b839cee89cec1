// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "blip/data/filtered_pairs.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/scenes/judge_caption.hpp"
#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/train/report/bootstrap_findings.hpp"

namespace blip::inline BLIP_ABI {

// What is known about a caption of the web: is it true, and what is odd about it ("colour", "boilerplate").
struct web_label {
  report::truth is = report::truth::unknown;
  std::string kind{};
};

// What the main job learns from, and is measured on. Pictures have names; who wrote a caption matters to its judge.
struct bootstrap_data {
  any_pairs human, web;      // clean and few; noisy and many
  any_pairs test, web_test;  // of the same two kinds, of pictures that no training sees
  filtered_pairs::picture_finder picture;  // by the name that the web pairs give it

  // Whether a caption is true of a picture; empty: nobody knows.
  std::function<report::truth(const std::string& picture, const std::string& caption)> truth{};
  std::function<web_label(const std::string& picture)> of_web{};  // of the caption that it came with
  std::function<bool(const std::string& picture, const std::string& caption)> complete{};  // true, and names everything
  std::function<int(const std::string& picture)> objects{};
  std::vector<std::string> notes{};  // for the report's readers
};

namespace detail {

inline report::truth truth_of(const std::string& caption, const scenes::scene& shown) {
  switch (scenes::judge_caption(caption, shown).is) {
    case scenes::verdict::holds:
      return report::truth::right;
    case scenes::verdict::vague:
      return report::truth::vague;
    default:
      return report::truth::wrong;
  }
}

}  // namespace detail

// A generated world, whose truth is known.
inline bootstrap_data scenes_bootstrap_data(const scenes::world& w) {
  using scenes::named_picture;
  const auto part = [&](scenes::split s) { return scenes::pairs(w, s); };
  bootstrap_data data{part(scenes::split::human), part(scenes::split::web), part(scenes::split::test),
                      part(scenes::split::web_test),
                      [](const std::string& name) { return named_picture(name).picture(); }};
  data.truth = [](const std::string& name, const std::string& caption) {
    return detail::truth_of(caption, named_picture(name).shown());
  };
  // The web's captions by their labels: a misspelt one is true, though nobody can parse it.
  data.of_web = [](const std::string& name) {
    const named_picture p(name);
    const scenes::labelled_caption c = scenes::web_caption(p.of(), p.part(), p.number());
    const bool vague = c.kind == scenes::noise::vague;
    return web_label{!c.is_true ? report::truth::wrong : vague ? report::truth::vague : report::truth::right,
                     scenes::noise_names[static_cast<std::size_t>(c.kind)]};
  };
  data.complete = [](const std::string& name, const std::string& caption) {
    return scenes::judge_caption(caption, named_picture(name).shown()).names_every_object;
  };
  data.objects = [](const std::string& name) { return static_cast<int>(named_picture(name).shown().objects.size()); };
  return data;
}

}  // namespace blip::inline BLIP_ABI
