// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/tasks/retriever.hpp"

namespace blip::inline BLIP_ABI {

// Pictures are always the rows of the product, so that both directions see the same bits.
template <class Model>
auto retriever<Model>::shortlists(device<B>& d, const picture_index<B>& p, const text_index<B>& x, int size,
                                  bool of_pictures, bool of_texts) const -> lists {
  constexpr int scores_at_once = 1 << 22;
  lists found;
  if (p.count == 0 || x.count == 0) {
    if (of_pictures) found.pictures.resize(static_cast<std::size_t>(p.count));
    if (of_texts) found.texts.resize(static_cast<std::size_t>(x.count));
    return found;
  }
  const auto few = static_cast<std::size_t>(size);
  std::vector<best_few> best(of_texts ? static_cast<std::size_t>(x.count) : 0, best_few(few));
  const int step = std::max(1, scores_at_once / x.count);
  for (int at = 0; at < p.count; at += step) {
    const int n = std::min(step, p.count - at);
    inference_tape<B> t(d, values_);
    const auto rows = [&t](const buffer<B, S>& from, int first, int count) {
      return t.template input<feature_width>(
          {from.data() + size_of(first, feature_width), count, feature_width, feature_width, nullptr});
    };
    const std::vector<S> similarity =
        to_host(ops::similarity(t, rows(p.features, at, n), rows(x.features, 0, x.count)));
    for (int i = 0; i < n; ++i) {
      const auto row = std::span(similarity).subspan(size_of(i, x.count), static_cast<std::size_t>(x.count));
      if (of_texts)
        for (std::size_t j = 0; j < row.size(); ++j) best[j].add(at + i, static_cast<double>(row[j]));
      if (!of_pictures) continue;
      best_few mine(few);
      for (int j = 0; j < x.count; ++j) mine.add(j, static_cast<double>(row[static_cast<std::size_t>(j)]));
      found.pictures.push_back(mine.sorted());
    }
  }
  for (const best_few& b : best) found.texts.push_back(b.sorted());
  return found;
}

template <class Model>
auto retriever<Model>::picture_states(inference_tape<B>& t, const picture_index<B>& p, std::span<const int> numbers,
                                      int rows) const -> buffer<B, S> {
  const std::size_t size = size_of(rows, image_width);
  buffer<B, S> all(numbers.size() * size);
  std::vector<std::size_t> missing;
  std::vector<image> again;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const buffer<B, S>& kept = p.states[static_cast<std::size_t>(numbers[i])];
    if (kept.size() > 0)
      memory<B>::copy(all.data() + i * size, kept.data(), kept.bytes());
    else
      missing.push_back(i), again.push_back(p.source(numbers[i]));
  }
  if (again.empty()) return all;
  const seen_pictures seen(t, model_.towers(), again, o_.view);
  for (std::size_t k = 0; k < missing.size(); ++k)
    copy_rows(all.data() + missing[k] * size, seen.rows.rows.view(), rows * static_cast<int>(k), rows);
  return all;
}

template <class Model>
auto retriever<Model>::text_states(inference_tape<B>& t, const text_index<B>& x, std::span<const int> numbers) const
    -> buffer<B, S> {
  std::vector<std::size_t> begins, missing;
  std::vector<std::vector<int>> again;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto at = static_cast<std::size_t>(numbers[i]);
    begins.push_back(rows), rows += x.ids[at].size();
    if (x.states[at].size() == 0) missing.push_back(i), again.push_back(x.ids[at]);
  }
  buffer<B, S> all(rows * static_cast<std::size_t>(text_width));
  const auto place = [&](std::size_t i) { return all.data() + begins[i] * static_cast<std::size_t>(text_width); };
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const buffer<B, S>& kept = x.states[static_cast<std::size_t>(numbers[i])];
    memory<B>::copy(place(i), kept.data(), kept.bytes());
  }
  if (again.empty()) return all;
  const text_batch<B> batch(again, model_.vocabulary());
  const auto states = model_.towers().text(t, batch.ids(), batch.layout());
  int first = 0;
  for (std::size_t k = 0; k < missing.size(); ++k) {
    copy_rows(place(missing[k]), states.view(), first, static_cast<int>(again[k].size()));
    first += static_cast<int>(again[k].size());
  }
  return all;
}

template <class Model>
std::vector<double> retriever<Model>::logits(device<B>& d, const picture_index<B>& p, const text_index<B>& x,
                                             std::span<const pair_of> pairs) const {
  const auto require_number = [](const char* what, int is, int count) {
    if (is < 0 || is >= count)
      throw shape_error({std::string("retriever: ") + what + " of a pair",
                         count == 0 ? std::string("none") : "0 to " + std::to_string(count - 1),
                         std::to_string(is),
                         {}});
  };
  for (const pair_of& pair : pairs) {
    require_number("picture", pair.picture, p.count);
    require_number("text", pair.text, x.count);
  }
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return pairs[a].picture < pairs[b].picture; });
  const int step = model_.towers().image_layout(1, o_.view.height, o_.view.width).rows;
  const int first_token = first_of_matching<towers_type>(tokens_, o_.marked);
  std::vector<double> out(pairs.size());
  for (std::size_t at = 0; at < order.size();) {
    std::vector<int> numbers;  // of the pictures of this round
    std::size_t end = at;
    for (; end < order.size(); ++end) {
      const int picture = pairs[order[end]].picture;
      if (!numbers.empty() && numbers.back() == picture) continue;
      if (numbers.size() == static_cast<std::size_t>(o_.pictures)) break;
      numbers.push_back(picture);
    }
    inference_tape<B> t(d, values_);
    const buffer<B, S> states = picture_states(t, p, numbers, step);
    const int n = static_cast<int>(numbers.size());
    const typename towers_type::template image_rows<inference_tape<B>> rows{
        t.template input<image_width>({states.data(), n * step, image_width, image_width, nullptr}),
        model_.towers().image_layout(n, o_.view.height, o_.view.width)};
    const auto context = model_.towers().project(t, rows);
    for (; at < end;) {
      const std::size_t some = std::min(end - at, static_cast<std::size_t>(o_.batch));
      std::vector<std::vector<int>> ids;
      std::vector<int> reads, texts;
      for (std::size_t i = at; i < at + some; ++i) {
        const pair_of& pair = pairs[order[i]];
        texts.push_back(pair.text), ids.push_back(x.ids[static_cast<std::size_t>(pair.text)]);
        reads.push_back(static_cast<int>(std::find(numbers.begin(), numbers.end(), pair.picture) - numbers.begin()));
      }
      const text_batch<B> batch(ids, model_.vocabulary(), first_token);
      const buffer<B, int> source{std::span<const int>(reads)};
      std::vector<S> found;
      if constexpr (towers_type::fuses_states) {
        const buffer<B, S> begun = text_states(t, x, texts);
        const auto words = t.template input<text_width>(
            {begun.data(), batch.layout().rows, text_width, text_width, nullptr});
        found = to_host(itm_logits(
            t, model_, model_.towers().fuse_first(t, words, batch.layout(), context, source.data())));
      } else {
        found = to_host(itm_logits(t, model_, batch, context, source.data()));
      }
      for (std::size_t i = 0; i < some; ++i) out[order[at + i]] = static_cast<double>(found[2 * i + 1]);
      at += some;
    }
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
