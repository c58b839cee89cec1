// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "blip/losses/tower_pass.hpp"
#include "blip/ops/gather_ranks.hpp"
#include "blip/ops/gather_rows.hpp"
#include "blip/ops/int_array.hpp"

namespace blip::inline BLIP_ABI {

// The texts and pictures that pairs are made of: a rank's own ones, or those of all ranks in rank order. Texts are there
// as states where the towers carry text states on (ALBEF), else as token ids. Lives as long as the tape's record.
template <class P>
struct pair_pool {
  using towers = typename P::towers_type;
  using T = typename P::tape_type;

  sequence_layout texts;
  int first = 0;  // own pairs are first ... first + B - 1
  typename towers::template context<T> pictures;
  typename towers::template text_rows<T> states{};
  const int* ids = nullptr;
};

// The rank's own; what follows reads the memory of `texts`.
template <class P>
pair_pool<P> own_pairs(P& pass, const text_batch<typename P::B>& texts) {
  return {texts.layout(), 0, pass.context, pass.text_states, texts.ids()};
}

// Those of all ranks; `lengths` are the own texts' in host memory. Image states and text states come with their gradient,
// which goes back to the rank that they are from; every rank projects all pictures. Texts get the room that the rank with
// the most tokens needs. Throws shape_error unless pictures are of equal size.
// Source: `blip_retrieval.py`, negative_all_rank.
template <class P, class B = typename P::B>
pair_pool<P> pairs_of_all_ranks(P& pass, const text_batch<B>& texts, std::span<const int> lengths) {
  auto& t = pass.tape;
  communicator<B>& ranks = pass.ranks;
  const int n = static_cast<int>(lengths.size()), all = n * ranks.ranks(), rows = texts.layout().rows;
  pair_pool<P> pool{{}, n * ranks.rank(), {}};

  std::vector<int> places(2 * static_cast<std::size_t>(all));  // begins, lengths
  ranks.all_gather_host(lengths.data(), places.data() + all, lengths.size_bytes());
  int room = 0;
  for (int r = 0; r < ranks.ranks(); ++r) {
    const auto from = places.begin() + all + r * n;
    room = std::max(room, std::accumulate(from, from + n, 0));
  }
  for (int s = 0; s < all; ++s) {
    const auto at = static_cast<std::size_t>(s);
    places[at] = s % n == 0 ? s / n * room : places[at - 1] + places[static_cast<std::size_t>(all) + at - 1];
  }
  int* const layout = ops::kept_ints(t, 2 * all);
  memory<B>::copy_in(layout, places.data(), places.size() * sizeof(int));
  pool.texts = {.sequences = all, .rows = room * ranks.ranks(), .longest = *std::max_element(places.begin() + all, places.end()),
                .begins = layout, .lengths = layout + all, .gaps = true};

  if constexpr (P::towers_type::fuses_states) {
    std::vector<int> index(static_cast<std::size_t>(room), -1);
    std::iota(index.begin(), index.begin() + rows, 0);
    int* const kept = ops::kept_ints(t, room);
    memory<B>::copy_in(kept, index.data(), index.size() * sizeof(int));
    pool.states = ops::gather_ranks(t, ops::gather_rows(t, pass.text_states, kept, room), ranks);
  } else {
    int* const own = ops::kept_ints(t, room);
    memory<B>::zero(own, static_cast<std::size_t>(room) * sizeof(int));
    memory<B>::copy(own, texts.ids(), static_cast<std::size_t>(rows) * sizeof(int));
    pool.ids = ops::gather_ranks(t, own, room, ranks);
  }

  auto images = pass.images;
  if (images.layout.begins)
    throw shape_error({"negatives of all ranks: pictures", "equal sizes", "a layout of different ones", {}});
  images.layout.sequences *= ranks.ranks(), images.layout.rows *= ranks.ranks(), images.layout.streams = nullptr;
  images.rows = ops::gather_ranks(t, images.rows, ranks);
  pool.pictures = pass.towers.project(t, images);
  return pool;
}

}  // namespace blip::inline BLIP_ABI
