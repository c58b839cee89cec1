// SPDX-License-Identifier: Apache-2.0
//
// Index work on the emulated GPU: the very numbers of the oracle, given the same scores.
#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "blip/core/packed_layout.hpp"
#include "blip/ops/assign_pairs.hpp"
#include "blip/ops/hard_negatives.hpp"
#include "blip/ops/matching_pairs.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using oracle = reference<float>;
using ints = std::vector<int>;

template <class B>
ints to_host_ints(const int* p, int n) {
  ints host(static_cast<std::size_t>(n));
  memory<B>::copy_out(host.data(), p, host.size() * sizeof(int));
  return host;
}

// What a back end draws for several steps.
template <class B>
ints negatives(int rows, int columns, const std::vector<float>& scores_of_rows, const negative_rule& rule,
               const ints& ids) {
  device<B> d;
  arena<B> none;
  const buffer<B, float> s{std::span<const float>(scores_of_rows)};
  const buffer<B, int> own{std::span<const int>(ids)};
  ints all;
  for (std::uint64_t step = 0; step < 40; ++step) {
    d.set_step(step);
    inference_tape<B> t(d, none, {.seed = 7});
    negative_rule of = rule;
    if (!ids.empty()) of.row_ids = of.candidate_ids = own.data();
    const auto given = blip::scores<inference_tape<B>>(t.input({s.data(), rows, columns, columns, nullptr}));
    const ints drawn = to_host_ints<B>(ops::hard_negatives(t, given, of), rows * rule.draws);
    all.insert(all.end(), drawn.begin(), drawn.end());
  }
  return all;
}
void same_negatives(int rows, int columns, const std::vector<float>& s, const negative_rule& rule,
                    const ints& ids = {}) {
  CHECK(negatives<cuda>(rows, columns, s, rule, ids) == negatives<oracle>(rows, columns, s, rule, ids));
}

template <class B>
ints matched() {
  device<B> d;
  arena<B> none;
  inference_tape<B> t(d, none);
  ints lengths;
  for (int i = 0; i < 40; ++i) lengths.push_back(1 + i * 7 % 5);
  const packed_layout<B> texts(lengths);
  ints image, text;
  for (int i = 0; i < 37; ++i) image.push_back((i * 11 + 1) % 37), text.push_back(i * 13 % 40);
  const buffer<B, int> images{std::span<const int>(image)}, others{std::span<const int>(text)};
  const ops::text_pairs p = ops::matching_pairs(t, texts, 2, 37, 112, images.data(), others.data());
  ints all = to_host_ints<B>(p.layout.begins, 3 * 37);
  const auto add = [&](const int* from, int n) {
    const ints more = to_host_ints<B>(from, n);
    all.insert(all.end(), more.begin(), more.end());
  };
  add(p.layout.lengths, 3 * 37), add(p.images, 3 * 37), add(p.layout.live, 1);
  add(p.rows, all.back());
  const buffer<B, int> used{ints{60}};
  add(ops::gather_ints(t, p.rows, p.images, 100, used.data()), 60);
  add(ops::gather_ints(t, p.rows, p.images, 100), 100);
  return all;
}

template <class B>
ints assigned() {
  device<B> d;
  arena<B> none;
  inference_tape<B> t(d, none);
  const buffer<B, int> labels{ints{0, 1, 2, 2, 0}}, drawn{ints{1, 2, 3, 4, 0, 2, 3, 4, 0, 1}};
  return to_host_ints<B>(ops::assign_pairs(t, labels.data(), drawn.data(), 5), 10);
}

}  // namespace

TEST_CASE("cuda: the negatives are those of the oracle", "[cuda][pairs]") {
  std::vector<float> s;
  for (const double x : random_numbers(45 * 45, 3, -4, 4)) s.push_back(static_cast<float>(x));
  same_negatives(45, 45, s, {});
  same_negatives(45, 45, s, {.epsilon = 1e-4, .draws = 3});
  same_negatives(5, 9, {s.begin(), s.begin() + 45}, {.first = 3, .epsilon = 1e-4});
  same_negatives(5, 5, {s.begin(), s.begin() + 25}, {.draws = 2}, {4, 9, 4, 4, 9});
}

TEST_CASE("cuda: rows without weight or without candidates fall back as the oracle's do", "[cuda][pairs]") {
  std::vector<float> collapsed(16, -3e4f);
  for (std::size_t i = 0; i < 4; ++i) collapsed[i * 5] = 3e4f;
  same_negatives(4, 4, collapsed, {});
  same_negatives(4, 4, collapsed, {}, {1, 1, 1, 1});
}

TEST_CASE("cuda: matching pairs, gathered integers and assigned pictures are those of the oracle", "[cuda][pairs]") {
  CHECK(matched<cuda>() == matched<oracle>());
  CHECK(assigned<cuda>() == assigned<oracle>());
}
