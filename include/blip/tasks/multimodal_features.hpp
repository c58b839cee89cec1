// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "blip/tasks/itm_logits.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/seen_pictures.hpp"

namespace blip::inline BLIP_ABI {

// The first row of text i after it has read picture i, [count, text width]: what the head of image-text matching sees.
// Not made of unit length; does not depend on the batch. Throws shape_error when the numbers of both differ,
// config_error for a batch of none. Source: BLIP `blip.py` mode multimodal, LAVIS `extract_features`; of ALBEF the
// fused states.
template <class Model, class B = typename Model::backend_type>
feature_rows multimodal_features(device<B>& d, const Model& model, const arena<B>& values, const wordpiece& tokens,
                                 std::span<const image> pictures, std::span<const std::string> texts,
                                 const matcher_options& o = {}) {
  require_equal("multimodal_features", "texts", static_cast<long long>(texts.size()),
                static_cast<long long>(pictures.size()));
  if (o.batch < 1) throw config_error({"multimodal_features: batch", "1 or more", std::to_string(o.batch), {}});
  const auto& towers = model.towers();
  using towers_type = typename Model::towers_type;
  feature_rows out{.count = static_cast<int>(texts.size()), .width = towers_type::text_width};
  for (std::size_t at = 0; at < texts.size(); at += static_cast<std::size_t>(o.batch)) {
    const std::size_t n = std::min(texts.size() - at, static_cast<std::size_t>(o.batch));
    inference_tape<B> t(d, values);
    const seen_pictures seen(t, towers, pictures.subspan(at, n), o.view);
    const auto context = towers.project(t, seen.rows);
    const text_batch<B> batch(tokens.encode_batch(texts.subspan(at, n), o.longest), model.vocabulary(),
                              first_of_matching<towers_type>(tokens, o.marked));
    const auto rows = to_host(read_pictures(t, towers, batch, context, nullptr));
    out.values.insert(out.values.end(), rows.begin(), rows.end());
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
