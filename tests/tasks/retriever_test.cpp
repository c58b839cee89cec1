// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/retriever.hpp"

#include <algorithm>
#include <cmath>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_judge.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int picture_count = 7, text_count = 9;
constexpr std::uint64_t much = 1u << 20;

struct small_set {
  std::vector<image> pictures;
  std::vector<std::string> texts;
};
small_set some_set() {
  const seen_world w = world_of(text_count);
  return {{w.pictures.begin(), w.pictures.begin() + picture_count}, w.texts};
}

template <class Model>
retriever<Model> retriever_of(const tiny_judge<Model>& j, retriever_options o) {
  o.view = view, o.longest = longest;
  return {*j.model, j.model.values(), j.tokens, o};
}

// Everything computed pair by pair.
template <class Model>
struct brute_force {
  std::vector<numbers> similarity, logit;  // [pictures][texts]

  brute_force(const tiny_judge<Model>& j, device<typename Model::backend_type>& d, const small_set& s) {
    for (const image& p : s.pictures) {
      numbers cosines, logits;
      for (const std::string& x : s.texts) cosines.push_back(j.similarity(d, p, x)), logits.push_back(j.logit(d, p, x));
      similarity.push_back(cosines), logit.push_back(logits);
    }
  }
  double score(std::size_t picture, std::size_t text) const {
    return logit[picture][text] + (tiny_judge<Model>::fuses ? 0 : similarity[picture][text]);
  }
  // The texts of a picture (or the pictures of a text) that are most similar.
  std::vector<std::size_t> shortlist(std::size_t query, bool of_picture, std::size_t size) const {
    std::vector<std::size_t> all(of_picture ? similarity[0].size() : similarity.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const auto at = [&](std::size_t i) { return of_picture ? similarity[query][i] : similarity[i][query]; };
    std::stable_sort(all.begin(), all.end(), [&](std::size_t a, std::size_t b) { return at(a) > at(b); });
    all.resize(std::min(size, all.size()));
    return all;
  }
};

template <class Model>
void check_scores() {
  using B = typename Model::backend_type;
  const double near = std::is_same_v<B, cpu> ? 2e-5 : 1e-6;  // scores are kept in float
  const tiny_judge<Model> j;
  const small_set s = some_set();
  device<B> d;
  const brute_force<Model> all(j, d, s);
  for (const int size : {1, 3, 100}) {
    const auto r = retriever_of(j, {.shortlist = size});
    const retrieval_matrices m = r.scores(d, r.pictures(d, s.pictures), r.texts(d, s.texts));
    numbers expected_texts(picture_count * text_count, -100), expected_pictures = expected_texts;
    std::vector<char> read(picture_count * text_count, 0);
    for (std::size_t i = 0; i < picture_count; ++i)
      for (const std::size_t k : all.shortlist(i, true, static_cast<std::size_t>(size)))
        expected_texts[i * text_count + k] = all.score(i, k), read[i * text_count + k] = 1;
    for (std::size_t k = 0; k < text_count; ++k)
      for (const std::size_t i : all.shortlist(k, false, static_cast<std::size_t>(size)))
        expected_pictures[k * picture_count + i] = all.score(i, k), read[i * text_count + k] = 1;
    CHECK(m.pairs_read == static_cast<std::size_t>(std::count(read.begin(), read.end(), 1)));
    double worst = 0;
    for (std::size_t i = 0; i < expected_texts.size(); ++i)
      worst = std::max({worst, std::abs(static_cast<double>(m.image_to_text[i]) - expected_texts[i]),
                        std::abs(static_cast<double>(m.text_to_image[i]) - expected_pictures[i])});
    CHECK(worst < near);
  }
}

// The results in one piece, to be compared by bits.
template <class R, class B = typename R::B>
std::vector<float> all_of(const R& r, device<B>& d, const picture_index<B>& p, const text_index<B>& x) {
  const retrieval_matrices m = r.scores(d, p, x);
  std::vector<float> all = m.image_to_text;
  all.insert(all.end(), m.text_to_image.begin(), m.text_to_image.end());
  return all;
}

template <class Model>
void check_bounds() {
  using B = typename Model::backend_type;
  const tiny_judge<Model> j;
  const small_set s = some_set();
  device<B> d;
  const auto whole = retriever_of(j, {.shortlist = 3});
  const auto p = whole.pictures(d, s.pictures);
  const auto x = whole.texts(d, s.texts);
  const std::vector<float> expected = all_of(whole, d, p, x);
  CHECK(std::all_of(p.states.begin(), p.states.end(), [](const auto& kept) { return kept.size() > 0; }));
  CHECK(x.bytes > 0);  // fusion goes on from states of texts

  const std::uint64_t of_one = p.bytes / picture_count;
  for (const std::uint64_t room : {std::uint64_t{0}, of_one - 1, of_one, 3 * of_one + 1, much}) {
    for (const int batch : {1, 2, 5}) {
      const auto r = retriever_of(j, {.shortlist = 3, .picture_bytes = room, .text_bytes = room, .pictures = batch + 1,
                                      .batch = batch});
      int opened = 0;
      const auto some = r.pictures(d, picture_count, [&](int i) {
        ++opened;
        return s.pictures[static_cast<std::size_t>(i)];
      });
      const auto texts = r.texts(d, s.texts);
      CHECK(opened == picture_count);
      const auto kept =
          std::count_if(some.states.begin(), some.states.end(), [](const auto& b) { return b.size() > 0; });
      CHECK(kept == static_cast<int>(std::min<std::uint64_t>(room / of_one, picture_count)));
      CHECK((some.bytes <= room && some.bytes == static_cast<std::uint64_t>(kept) * of_one && texts.bytes <= room));
      CHECK(all_of(r, d, some, texts) == expected);
      CHECK(opened == 2 * picture_count - static_cast<int>(kept));  // all are in some shortlist, each seen again once
    }
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE(
    "retriever: scores are those of every pair alone, in the shortlists of both directions, each read once", "[tasks]",
    test::golden_backends) {
  check_scores<blip_matching<TestType>>();
  check_scores<albef_matching<TestType>>();
}

TEST_CASE("retriever: bounds on memory are kept, and neither they nor the batch show in any bit", "[tasks]") {
  check_bounds<albef_matching<cpu>>();
}

TEST_CASE("retriever: BLIP's texts keep no states, the rest is the same", "[tasks]") {
  const tiny_judge<blip_matching<cpu>> j;
  const small_set s = some_set();
  device<cpu> d({.threads = 1}), two({.threads = 2});
  const auto whole = retriever_of(j, {.shortlist = 4});
  const auto p = whole.pictures(d, s.pictures);
  const auto x = whole.texts(d, s.texts);
  CHECK(x.bytes == 0);
  const std::vector<float> expected = all_of(whole, d, p, x);
  CHECK(all_of(whole, two, whole.pictures(two, s.pictures), whole.texts(two, s.texts)) == expected);
  for (const int batch : {1, 3}) {
    const auto r = retriever_of(j, {.shortlist = 4, .picture_bytes = 0, .pictures = 2, .batch = batch});
    CHECK(all_of(r, d, r.pictures(d, s.pictures), r.texts(d, s.texts)) == expected);
  }
}

TEST_CASE("retriever: finds the best of the shortlist, best first", "[tasks]") {
  using model = blip_matching<reference<double>>;
  const tiny_judge<model> j;
  const small_set s = some_set();
  device<reference<double>> d;
  const brute_force<model> all(j, d, s);
  const auto r = retriever_of(j, {.shortlist = 4});
  const auto p = r.pictures(d, s.pictures);
  const auto x = r.texts(d, s.texts);
  for (const bool of_pictures : {true, false}) {
    const auto found = of_pictures ? r.find_texts(d, p, x, 2) : r.find_pictures(d, p, x, 2);
    REQUIRE(found.size() == static_cast<std::size_t>(of_pictures ? picture_count : text_count));
    for (std::size_t q = 0; q < found.size(); ++q) {
      std::vector<std::size_t> list = all.shortlist(q, of_pictures, 4);
      const auto score = [&](std::size_t i) { return of_pictures ? all.score(q, i) : all.score(i, q); };
      std::sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) { return score(a) > score(b); });
      REQUIRE(found[q].size() == 2);
      for (std::size_t k = 0; k < 2; ++k) {
        const found_match& m = found[q][k];
        CHECK(static_cast<std::size_t>(m.number) == list[k]);
        CHECK(std::abs(m.score - score(list[k])) < 1e-12);
        CHECK(std::abs(m.logit + m.similarity - m.score) < 1e-15);
      }
    }
  }
  CHECK(r.find_texts(d, p, x, 6)[0].size() == 6);  // more than the shortlist: so many are read
  CHECK(r.find_texts(d, p, x, 100)[0].size() == text_count);

  const auto published = retriever_of(j, {.shortlist = 4, .score = pair_score::itm});
  const auto by_logit = published.find_pictures(d, p, x, 4);
  for (const found_match& m : by_logit[0]) CHECK(m.score == m.logit);
  const auto by_similarity = retriever_of(j, {.shortlist = 0}).find_pictures(d, p, x, 3);
  for (std::size_t q = 0; q < text_count; ++q)
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(static_cast<std::size_t>(by_similarity[q][k].number) == all.shortlist(q, false, 3)[k]);
      CHECK((by_similarity[q][k].score == by_similarity[q][k].similarity && by_similarity[q][k].logit == 0));
    }
}

TEST_CASE("retriever: with a head that says nothing, BLIP's ranking is that of the similarity", "[tasks]") {
  tiny_judge<blip_matching<cpu>> j;
  for (const char* name : {"itm_head.weight", "itm_head.bias"}) {
    const numbers zeros(j.model.values().read(name).size(), 0);
    j.model.values().write<double>(name, zeros);
  }
  const small_set s = some_set();
  device<cpu> d({.threads = 1});
  const auto read = retriever_of(j, {.shortlist = 100}), unread = retriever_of(j, {.shortlist = 0});
  const auto p = read.pictures(d, s.pictures);
  const auto x = read.texts(d, s.texts);
  const retrieval_matrices a = read.scores(d, p, x), b = unread.scores(d, p, x);
  CHECK((a.image_to_text == b.image_to_text && a.text_to_image == b.text_to_image));
  CHECK((a.pairs_read == picture_count * text_count && b.pairs_read == 0));
}

TEST_CASE("retriever: nothing to find gives nothing; options and numbers of none are refused", "[tasks]") {
  const tiny_judge<albef_matching<cpu>> j;
  const small_set s = some_set();
  device<cpu> d({.threads = 1});
  const auto r = retriever_of(j, {});
  const auto p = r.pictures(d, s.pictures), nobody = r.pictures(d, std::span<const image>());
  const auto x = r.texts(d, s.texts), nothing = r.texts(d, {});
  CHECK(r.find_pictures(d, nobody, x, 3) == std::vector<std::vector<found_match>>(text_count));
  CHECK(r.find_pictures(d, p, nothing, 3).empty());
  CHECK(r.scores(d, nobody, nothing).image_to_text.empty());
  CHECK(r.logits(d, p, x, {}).empty());
  for (const pair_of wrong : {pair_of{picture_count, 0}, pair_of{-1, 0}, pair_of{0, text_count}, pair_of{0, -1}})
    CHECK_THROWS_AS(r.logits(d, p, x, std::vector<pair_of>{{0, 0}, wrong}), shape_error);
  CHECK_THROWS_WITH(r.logits(d, p, x, std::vector<pair_of>{{0, text_count}}),
                    Catch::Contains("text of a pair") && Catch::Contains("0 to 8"));
  CHECK_THROWS_AS(r.find_texts(d, p, x, 0), config_error);
  CHECK_THROWS_AS(r.pictures(d, -1, {}), config_error);
  CHECK_THROWS_AS(retriever_of(j, {.shortlist = -1}), config_error);
  CHECK_THROWS_AS(retriever_of(j, {.pictures = 0}), config_error);
  CHECK_THROWS_AS(retriever_of(j, {.batch = 0}), config_error);
  CHECK_THROWS_AS(r.pictures(d, 1, [](int) { return image(); }), error);
}

TEST_CASE("best_few: keeps the highest, of equal ones the first", "[tasks]") {
  best_few three(3), none(0);
  for (const auto& [number, score] :
       std::vector<std::pair<int, double>>{{0, 1}, {1, 5}, {2, 3}, {3, 5}, {4, 3}, {5, 0}})
    three.add(number, score), none.add(number, score);
  std::vector<int> order;
  for (const best_few::entry& e : three.sorted()) order.push_back(e.number);
  CHECK(order == std::vector<int>{1, 3, 2});
  CHECK(none.sorted().empty());
}
