// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <numeric>
#include <optional>
#include <vector>

#include "blip/eval/retrieval_recall.hpp"
#include "blip/tasks/retriever.hpp"
#include "blip/train/bootstrap_measures.hpp"
#include "blip/train/report/bootstrap_findings.hpp"

namespace blip::inline BLIP_ABI {

// Recall, shares from 0 to 1, of pictures with one text each: by the contrast alone; and with each query's shortlist
// read by the matching head and ranked anew. Without a shortlist there is no second one.
struct retrieval_measures {
  report::recalls contrast{};
  std::optional<report::recalls> reranked{};
};

// What a model finds among all the given pictures and texts, both indexed once (blip/tasks/retriever.hpp): at most
// 2 n shortlist pairs are read. Throws shape_error for no pictures, and what retriever throws.
template <class Model>
retrieval_measures measure_retrieval(device<typename Model::backend_type>& d, const Model& model,
                                     const arena<typename Model::backend_type>& values, const wordpiece& tokens,
                                     retriever_options o, const measured_pairs& p) {
  const retriever<Model> reranks(model, values, tokens, o);
  o.shortlist = 0;
  const retriever<Model> compares(model, values, tokens, o);
  const auto pictures = compares.pictures(d, p.pictures);
  const auto texts = compares.texts(d, p.texts);
  std::vector<int> own(p.texts.size());
  std::iota(own.begin(), own.end(), 0);
  const auto recalls = [&](const retriever<Model>& by) {
    const retrieval_matrices m = by.scores(d, pictures, texts);
    const retrieval_scores r = retrieval_recall(m.image_rows(), m.text_rows(), own);
    const auto shares = [](const recall_at& x) { return std::array<double, 3>{x.r1 / 100, x.r5 / 100, x.r10 / 100}; };
    return report::recalls{shares(r.text_to_image), shares(r.image_to_text)};
  };
  retrieval_measures out{.contrast = recalls(compares)};
  if (reranks.options().shortlist > 0) out.reranked = recalls(reranks);
  return out;
}

}  // namespace blip::inline BLIP_ABI
