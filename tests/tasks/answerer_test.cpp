// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/answerer.hpp"

#include <array>
#include <cmath>
#include <set>
#include <thread>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

template <class B>
using blip_answering = blip_answerer<answerer_structure(vision, text_of(cross_schedule::all)), B>;
template <class B>
using albef_answering = albef_answerer<albef_answerer_structure(vision, text_of(cross_schedule::from_layer)), B>;

using answered = std::vector<std::vector<answer_result>>;
using ranked = std::vector<std::vector<answer_choice>>;

// A model that answers questions, with its tokenizer.
template <class Model>
struct scholar {
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  using loss_type = std::remove_cvref_t<decltype(std::declval<Model&>().template loss_at<0>())>;
  static constexpr bool albef = Model::towers_type::fuses_states;

  scholar() { scatter(model.values()); }

  answerer<Model> with(answerer_options o) const {
    o.view = view, o.longest = longest;
    o.rules.max_tokens = most, o.rules.min_tokens = 3, o.rules.repetition_penalty = 1.3;
    return {*model, model.values(), tokens, o};
  }

  static tower_options sizes(int words) {
    tower_options o = options_of(albef ? 3 : 2, albef ? 1 : 0, words);
    if (albef) o.decoder = albef_decoder_options(o.text);
    return o;
  }

  // Log-probabilities of each next word after `ids`, by a pass over the whole text.
  numbers next_words(device<B>& d, const image& picture, const std::string& question, std::vector<int> ids) const {
    auto t = model.inference(d);
    buffer<B, S> pixels;
    const auto& towers = model->towers();
    const auto rows = rows_of_picture(t, towers, picture, pixels);
    std::vector<int> asked = tokens.encode(clean_question(albef ? cleaning::albef : cleaning::blip, question), longest);
    if (!albef) asked[0] = tokens.id("[ENC]");
    const text_batch<B> questions(std::vector<std::vector<int>>{asked}, tokens.size());
    const auto states = towers.multimodal(t, questions.ids(), questions.layout(), towers.project(t, rows), nullptr);
    const auto& decoder = towers.decoder();
    const text_batch<B> text(std::vector<std::vector<int>>{ids}, tokens.size());
    const auto out = decoder.text.multimodal(t, text.ids(), text.layout(),
                                             decoder.text.project(t, states, questions.layout()), nullptr, true);
    const auto all = to_host(decoder.logits(t, out));
    numbers logits(all.end() - tokens.size(), all.end());
    double sum = 0;
    for (const double x : logits) sum += std::exp(x);
    for (double& x : logits) x -= std::log(sum);
    return logits;
  }

  int start() const { return albef ? tokens.opening() : tokens.id("[DEC]"); }

  // The most likely token at each step, the stop id not among the first two.
  answer_result greedily(device<B>& d, const image& picture, const std::string& question) const {
    std::vector<int> ids{start()};
    answer_result out;
    for (int step = 1; step <= most && !out.details.stopped; ++step) {
      const numbers words = next_words(d, picture, question, ids);
      numbers scores = words;
      if (step < 3) at(scores, tokens.closing()) = -1e300;
      const int best = static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      out.details.log_probability += at(words, best);
      out.details.stopped = best == tokens.closing();
      out.details.tokens.push_back(best), ids.push_back(best);
    }
    out.text = tokens.decode(out.details.tokens);
    return out;
  }

  // (1 - e) log p + e mean log p of every token of an answer, and log p of the first one again where the family does
  // so.
  double score(device<B>& d, const image& picture, const std::string& question, const std::string& answer) const {
    std::vector<int> ids = tokens.encode(answer + (albef ? "[SEP]" : ""));
    ids[0] = start();
    const double smoothing = albef ? 0 : 0.1;
    double sum = 0;
    for (std::size_t n = 1; n < ids.size(); ++n) {
      const numbers words =
          next_words(d, picture, question, {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n)});
      double mean = 0;
      for (const double x : words) mean += x / static_cast<double>(words.size());
      sum += (1 - smoothing) * at(words, ids[n]) + smoothing * mean;
      if (albef && n == 1) sum += at(words, ids[n]);
    }
    return sum;
  }

  static constexpr int most = 7;
  wordpiece tokens = albef ? albef_words() : blip_words();
  owned<Model, B> model{7, sizes(tokens.size()), loss_type()};
};

// Questions about pictures; the third picture has three, the last one none.
struct exam {
  seen_world world = world_of(5);
  std::vector<std::string> questions{"what is left of the circle?",
                                     "Is there a red square, or a ring?",
                                     "where?",
                                     "how many blue things are there?",
                                     "what (if any) is large?",
                                     "what is it.",
                                     "is it small?"};
  std::vector<int> of{1, 0, 2, 2, 3, 2, 0};
  std::vector<std::string> answers{"red",
                                   "a red circle",
                                   "yes",
                                   "no",
                                   "a small blue ring",
                                   "a red ring",
                                   "yes",
                                   "two",
                                   "a",
                                   "red and blue",
                                   "left",
                                   "a red circle and a ring",
                                   "blue square"};
  const image& picture(std::size_t i) const { return at(world.pictures, of[i]); }
};

bool same(const generated& a, const generated& b) {
  return a.tokens == b.tokens && a.stopped == b.stopped &&
         difference_of_bits({a.log_probability, a.score}, {b.log_probability, b.score}).empty();
}
bool same(const answered& a, const answered& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const answer_result& u, const answer_result& v) {
      return u.text == v.text && same(u.details, v.details);
    });
  });
}
bool same(const ranked& a, const ranked& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const answer_choice& u, const answer_choice& v) {
      const ranked_answer &p = u.details, &q = v.details;
      return u.text == v.text && p.answer == q.answer &&
             difference_of_bits({p.first_probability, p.log_probability, p.score},
                                {q.first_probability, q.log_probability, q.score})
                 .empty();
    });
  });
}

std::vector<answerer_options> every_way_of_answering() {
  return {{.how = sampler::greedy},
          {.how = sampler::beam, .beam = {.beams = 4, .best = 3}},
          {.how = sampler::sample, .filter = {.top_k = 20, .top_p = 0.9}, .seed = 4, .samples = 3}};
}

template <class Model>
void check_greedy() {
  using B = typename Model::backend_type;
  const scholar<Model> s;
  const exam e;
  device<B> d;
  answerer_options o{.how = sampler::greedy};
  o.view = view, o.longest = longest, o.rules.max_tokens = scholar<Model>::most, o.rules.min_tokens = 3;
  const answerer<Model> a(*s.model, s.model.values(), s.tokens, o);
  const answered found = a(d, e.world.pictures, e.questions, e.of);
  REQUIRE(found.size() == e.questions.size());
  std::set<std::string> different;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const answer_result expected = s.greedily(d, e.picture(i), e.questions[i]);
    REQUIRE(found[i].size() == 1);
    CHECK(found[i][0].text == expected.text);
    CHECK(found[i][0].details.tokens == expected.details.tokens);
    CHECK(found[i][0].details.stopped == expected.details.stopped);
    CHECK(std::abs(found[i][0].details.log_probability - expected.details.log_probability) <
          (std::is_same_v<B, cpu> ? 1e-4 : 1e-11));
    CHECK(found[i][0].text.find('[') == std::string::npos);
    different.insert(found[i][0].text);
  }
  CHECK(different.size() > 1);
}

template <class Model>
void check_ranking() {
  using B = typename Model::backend_type;
  const scholar<Model> s;
  const exam e;
  device<B> d;
  const ranked found = s.with({}).rank(d, e.world.pictures, e.questions, e.answers, e.of);
  REQUIRE(found.size() == e.questions.size());
  for (std::size_t i = 0; i < found.size(); i += 2) {
    REQUIRE(found[i].size() == e.answers.size());
    std::set<int> seen;
    for (std::size_t k = 0; k < found[i].size(); ++k) {
      const ranked_answer& a = found[i][k].details;
      seen.insert(a.answer);
      CHECK(found[i][k].text == at(e.answers, a.answer));
      CHECK(std::abs(a.score - s.score(d, e.picture(i), e.questions[i], found[i][k].text)) <
            (std::is_same_v<B, cpu> ? 2e-4 : 1e-10));
      if (k > 0) CHECK(found[i][k - 1].details.score >= a.score);
    }
    CHECK(seen.size() == e.answers.size());
  }
  CHECK(found[0][0].details.score > found[0][12].details.score);
  // The shortlist holds the answers whose first tokens are likeliest, of equal ones the first in the list.
  answerer_options o;
  o.ranking = ranking_options{.shortlist = 4, .smoothing = 0};
  const ranked few = s.with(o).rank(d, e.world.pictures, e.questions, e.answers, e.of);
  for (std::size_t i = 0; i < few.size(); ++i) {
    numbers all(e.answers.size());
    for (const answer_choice& a : found[i]) at(all, a.details.answer) = a.details.first_probability;
    std::vector<int> order(all.size());
    for (std::size_t k = 0; k < all.size(); ++k) order[k] = static_cast<int>(k);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return at(all, a) > at(all, b); });
    REQUIRE(few[i].size() == 4);
    std::set<int> kept;
    for (const answer_choice& a : few[i]) kept.insert(a.details.answer);
    CHECK(kept == std::set<int>(order.begin(), order.begin() + 4));
  }
}

template <class Model>
void check_batches() {
  using B = typename Model::backend_type;
  const scholar<Model> s;
  const exam e;
  const std::vector<std::uint64_t> streams{5, 3, 900, 0, 3, 71, 8};
  device<B> d;
  for (answerer_options o : every_way_of_answering()) {
    const answered together = s.with(o)(d, e.world.pictures, e.questions, e.of, streams);
    CHECK(at(together, 6).size() == (o.how == sampler::greedy ? 1 : 3));
    for (const int batch : {1, 2, 5}) {
      o.batch = batch;
      CHECK(same(s.with(o)(d, e.world.pictures, e.questions, e.of, streams), together));
    }
    for (std::size_t i = 0; i < 7; i += 3)
      CHECK(same(s.with(o)(d, {&e.picture(i), 1}, {&e.questions[i], 1}, {}, {&streams[i], 1}), {together[i]}));
  }
  const ranked together = s.with({}).rank(d, e.world.pictures, e.questions, e.answers, e.of);
  for (const int batch : {1, 3})
    for (const int candidates : {1, 2, 5}) {
      CHECK(same(
          s.with({.candidates = candidates, .batch = batch}).rank(d, e.world.pictures, e.questions, e.answers, e.of),
          together));
    }
  CHECK(same(s.with({}).rank(d, {&e.picture(4), 1}, {&e.questions[4], 1}, e.answers), {together[4]}));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("answerer: greedy says what a loop of passes over whole texts says", "[tasks]",
                        test::golden_backends) {
  check_greedy<blip_answering<TestType>>();
  check_greedy<albef_answering<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("answerer: answers of a list are ranked by the sums of their tokens", "[tasks]",
                        test::golden_backends) {
  check_ranking<blip_answering<TestType>>();
  check_ranking<albef_answering<TestType>>();
}

TEST_CASE("answerer: an answer has the same bits in any batch, whichever way it is found", "[tasks]") {
  check_batches<blip_answering<cpu>>();
  check_batches<albef_answering<cpu>>();
}

TEST_CASE("answerer: threads within a pass, and threads that share an answerer, do not show", "[tasks]") {
  using model = blip_answering<cpu>;
  const scholar<model> s;
  const exam e;
  device<cpu> one({.threads = 1});
  for (answerer_options o : every_way_of_answering()) {
    o.batch = 2;
    const answerer<model> a = s.with(o);
    const answered found = a(one, e.world.pictures, e.questions, e.of);
    const ranked chosen = a.rank(one, e.world.pictures, e.questions, e.answers, e.of);
    device<cpu> three({.threads = 3});
    CHECK(same(a(three, e.world.pictures, e.questions, e.of), found));
    CHECK(same(a.rank(three, e.world.pictures, e.questions, e.answers, e.of), chosen));
    std::array<answered, 3> results;
    std::array<ranked, 3> choices;
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < 3; ++n)
      threads.emplace_back([&, n] {
        device<cpu> d({.threads = 1});
        results[n] = a(d, e.world.pictures, e.questions, e.of);
        choices[n] = a.rank(d, e.world.pictures, e.questions, e.answers, e.of);
      });
    for (std::thread& t : threads) t.join();
    for (std::size_t n = 0; n < 3; ++n) CHECK((same(results[n], found) && same(choices[n], chosen)));
  }
}

TEST_CASE("answerer: questions are cleaned and marked as published, unless told otherwise", "[tasks]") {
  using model = blip_answering<cpu>;
  const scholar<model> s;
  const exam e;
  device<cpu> d({.threads = 1});
  const std::vector<image> picture{e.world.pictures[0]};
  const auto ask = [&](answerer_options o, const std::string& question) {
    return s.with(o).rank(d, picture, std::vector<std::string>{question}, e.answers);
  };
  CHECK(same(ask({}, "What (is) left?"), ask({}, "what is left?")));
  CHECK_FALSE(same(ask({}, "what is left"), ask({}, "what is left?")));  // BLIP keeps the question mark
  CHECK_FALSE(same(ask({.cleaned = false}, "what (is) left?"), ask({.cleaned = false}, "what is left?")));
  CHECK_FALSE(same(ask({.marked = false}, "what is left?"), ask({}, "what is left?")));
  const scholar<albef_answering<cpu>> other;
  CHECK(same(other.with({}).rank(d, picture, std::vector<std::string>{"what is left?"}, e.answers),
             other.with({}).rank(d, picture, std::vector<std::string>{"What is left"}, e.answers)));
}

TEST_CASE("answerer: an observer sees questions by their numbers, and stops everything", "[tasks]") {
  const scholar<blip_answering<cpu>> s;
  const exam e;
  device<cpu> d({.threads = 1});
  const auto a = s.with({.how = sampler::greedy, .batch = 3});
  const answered whole = a(d, e.world.pictures, e.questions, e.of);
  bool stopped = false;
  int after = 0;
  std::set<int> seen;
  const answered part = a(d, e.world.pictures, e.questions, e.of, {}, [&](const generation_progress& p) {
    seen.insert(p.sequence), after += stopped;
    stopped = stopped || (p.sequence == 4 && p.tokens.size() == 2);
    return !stopped;
  });
  CHECK(after == 0);
  CHECK(seen == std::set<int>{0, 1, 2, 3, 4, 5});
  REQUIRE(part.size() == 7);
  CHECK(same({part[0], part[2]}, {whole[0], whole[2]}));
  CHECK(part[4][0].details.tokens.size() == 2);
  CHECK(part[6].empty());
}

TEST_CASE("answerer: no questions give no answers; what contradicts itself or the model is refused", "[tasks]") {
  using model = blip_answering<cpu>;
  const scholar<model> s;
  const exam e;
  device<cpu> d({.threads = 1});
  const std::span pictures = e.world.pictures;
  const std::vector<std::string> none;
  CHECK(s.with({})(d, {}, none).empty());
  CHECK(s.with({}).rank(d, {}, none, e.answers).empty());
  CHECK_THROWS_AS(s.with({})(d, pictures, e.questions), shape_error);  // 5 pictures, 7 questions
  CHECK_THROWS_AS(s.with({})(d, pictures, e.questions, std::vector<int>{0}), shape_error);
  CHECK_THROWS_WITH(s.with({})(d, pictures, e.questions, std::vector<int>{0, 1, 2, 3, 4, 5, 0}),
                    Catch::Contains("0 to 4") && Catch::Contains("found 5"));
  CHECK_THROWS_AS(s.with({})(d, pictures, e.questions, e.of, std::vector<std::uint64_t>{1}), shape_error);
  CHECK_THROWS_AS(s.with({}).rank(d, pictures, e.questions, none, e.of), shape_error);
  answerer_options o;
  o.ranking = ranking_options{.shortlist = 0};
  CHECK_THROWS_AS(s.with(o).rank(d, pictures, e.questions, e.answers, e.of), shape_error);
  CHECK_THROWS_AS(s.with({.batch = 0}), config_error);
  CHECK_THROWS_AS(s.with({.candidates = 0}), config_error);
  CHECK_THROWS_AS(s.with({.beam = {.beams = 0}})(d, pictures, e.questions, e.of), config_error);
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += "circle ";
  CHECK_THROWS_AS(s.with({}).rank(d, pictures, e.questions, std::vector<std::string>{endless}, e.of), shape_error);
  CHECK_NOTHROW(s.with({}).rank(d, pictures.first(1), std::vector<std::string>{endless}, e.answers));  // cut
  const wordpiece plain(vocabulary(scenes::word_list(scenes::world_size::nano)));  // without [DEC]
  CHECK_THROWS_AS((answerer<model>(*s.model, s.model.values(), plain)), config_error);
  CHECK(s.with({.rules = {.stop = 17}}).options().rules.stop == s.tokens.closing());
}
