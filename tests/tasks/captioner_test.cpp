// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/captioner.hpp"

#include <cmath>
#include <set>
#include <thread>

#include "blip/generate/rank_answers.hpp"
#include "blip/tasks/capfilt_models.hpp"
#include "blip/train/picture_captioner.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using described = std::vector<std::vector<caption_result>>;

// A model that describes pictures, with its tokenizer.
template <class B>
struct speaker {
  using model_type = captioning<B>;
  using S = typename B::scalar;

  speaker() { scatter(model.values()); }

  captioner<model_type> with(captioner_options o) const {
    o.view = view, o.rules.max_tokens = most, o.rules.min_tokens = 4, o.rules.repetition_penalty = 1.3;
    return {*model, model.values(), tokens, o};
  }

  // One picture, the most likely token at each step, by a pass over the whole text for each.
  caption_result greedily(device<B>& d, const image& picture, const std::string& prompt) const {
    std::vector<int> ids = tokens.open(prompt);
    ids[0] = tokens.id("[DEC]");
    caption_result out;
    for (int step = 1; step <= most && !out.details.stopped; ++step) {
      auto t = model.inference(d);
      buffer<B, S> pixels;
      const auto rows = rows_of_picture(t, model->towers(), picture, pixels);
      const auto& decoder = model->towers().decoder();
      const text_batch<B> text(std::vector<std::vector<int>>{ids}, tokens.size());
      const auto states = decoder.text.multimodal(t, text.ids(), text.layout(),
                                                  decoder.text.project(t, rows.rows, rows.layout), nullptr, true);
      const auto all = to_host(decoder.logits(t, states));
      numbers logits(all.end() - tokens.size(), all.end());
      double sum = 0;
      for (const double x : logits) sum += std::exp(x);
      numbers scores = logits;
      for (const int id : std::set<int>(ids.begin(), ids.end())) at(scores, id) *= at(scores, id) < 0 ? 1.3 : 1 / 1.3;
      if (step < 4) at(scores, tokens.closing()) = -1e300;
      const int best = static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      out.details.log_probability += at(logits, best) - std::log(sum);
      out.details.stopped = best == tokens.closing();
      out.details.tokens.push_back(best), ids.push_back(best);
    }
    out.text = tokens.decode(ids);
    return out;
  }

  static constexpr int most = 9;
  wordpiece tokens = blip_words();
  owned<model_type, B> model{7, tower_options{options_of(2, 0, 1).vision, {}, options_of(2, 0, tokens.size()).decoder},
                             lm({.first_token = tokens.id("[DEC]")})};
};

bool same(const std::vector<caption_result>& a, const std::vector<caption_result>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const caption_result& x, const caption_result& y) {
    return x.text == y.text && x.details.tokens == y.details.tokens && x.details.stopped == y.details.stopped &&
           difference_of_bits({x.details.log_probability, x.details.score},
                              {y.details.log_probability, y.details.score})
               .empty();
  });
}
bool same(const described& a, const described& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return same(x, y); });
}

std::vector<captioner_options> every_way() {
  return {{.how = sampler::greedy},
          {.prompt = "a picture of ", .how = sampler::beam, .beam = {.beams = 4, .best = 3}},
          {.how = sampler::sample, .filter = {.top_k = 20, .top_p = 0.9}, .seed = 4, .samples = 3}};
}
std::size_t different_texts(const described& all) {
  std::set<std::string> texts;
  for (const auto& one : all) texts.insert(one.at(0).text);
  return texts.size();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("captioner: greedy says what a loop of passes over whole texts says", "[tasks]",
                        test::golden_backends) {
  using B = TestType;
  const speaker<B> s;
  const seen_world w = world_of(6);
  device<B> d;
  for (const std::string prompt : {"", "a picture of "}) {
    const described found = s.with({.prompt = prompt, .how = sampler::greedy})(d, w.pictures);
    REQUIRE(found.size() == 6);
    for (int i = 0; i < 6; ++i) {
      const caption_result expected = s.greedily(d, at(w.pictures, i), prompt);
      REQUIRE(at(found, i).size() == 1);
      CHECK(at(found, i)[0].text == expected.text);
      CHECK(at(found, i)[0].details.tokens == expected.details.tokens);
      CHECK(at(found, i)[0].details.stopped == expected.details.stopped);
      CHECK(std::abs(at(found, i)[0].details.log_probability - expected.details.log_probability) <
            (std::is_same_v<B, cpu> ? 1e-4 : 1e-11));
      CHECK(at(found, i)[0].text.starts_with(prompt));
    }
    CHECK(different_texts(found) > 1);
  }
}

TEMPLATE_LIST_TEST_CASE("captioner: a caption has the same bits in any batch, whichever way it is made", "[tasks]",
                        test::golden_backends) {
  using B = TestType;
  const speaker<B> s;
  const seen_world w = world_of(7);
  const std::vector<std::uint64_t> streams{5, 3, 900, 0, 3, 71, 8};
  device<B> d;
  for (captioner_options o : every_way()) {
    o.batch = 16;
    const described together = s.with(o)(d, w.pictures, streams);
    CHECK(at(together, 6).size() == (o.how == sampler::greedy ? 1 : 3));
    CHECK(different_texts(together) > 2);
    for (const int batch : {1, 2, 5}) {
      o.batch = batch;
      CHECK(same(s.with(o)(d, w.pictures, streams), together));
    }
    for (std::size_t i = 0; i < 7; ++i)
      CHECK(same(s.with(o)(d, {&w.pictures[i], 1}, {&streams[i], 1})[0], together[i]));
  }
}

TEST_CASE("captioner: a sampled caption depends on its picture, the seed and its stream, and on nothing else",
          "[tasks]") {
  const speaker<cpu> s;
  const seen_world w = world_of(2);
  device<cpu> d({.threads = 1});
  const std::vector<image> one_picture(4, w.pictures[0]);
  const captioner_options o{.how = sampler::sample, .seed = 4, .batch = 3};
  const std::vector<std::uint64_t> streams{7, 8, 7, 9};
  const described found = s.with(o)(d, one_picture, streams);
  CHECK(same(found[0], found[2]));
  CHECK((found[0][0].text != found[1][0].text && found[1][0].text != found[3][0].text));
  // Without streams, pictures are numbered as they come.
  CHECK(same(s.with(o)(d, one_picture), s.with(o)(d, one_picture, std::vector<std::uint64_t>{0, 1, 2, 3})));
  captioner_options other = o;
  other.seed = 5;
  CHECK_FALSE(same(s.with(other)(d, one_picture, streams), found));
  // More samples of a picture leave the first one as it was.
  other = o;
  other.samples = 3;
  const described more = s.with(other)(d, one_picture, streams);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(more[i].size() == 3);
    CHECK(same({more[i][0]}, found[i]));
    CHECK(more[i][0].text != more[i][1].text);
  }
  // Greedy and beams have no streams.
  for (captioner_options plain : every_way()) {
    if (plain.how == sampler::sample) continue;
    const described same_each = s.with(plain)(d, one_picture, streams);
    CHECK(same(same_each[0], same_each[1]));
  }
}

TEST_CASE("captioner: a text is what the ids say, prompt included, special tokens left out", "[tasks]") {
  const speaker<cpu> s;
  const seen_world w = world_of(3);
  device<cpu> d({.threads = 1});
  for (captioner_options o : every_way()) {
    o.prompt = "a picture of ";
    for (const auto& texts : s.with(o)(d, w.pictures))
      for (const caption_result& c : texts) {
        std::vector<int> ids = s.tokens.open(o.prompt);
        CHECK(ids.size() == 4);
        ids.insert(ids.end(), c.details.tokens.begin(), c.details.tokens.end());
        CHECK(c.text == s.tokens.decode(ids));
        CHECK(c.text.starts_with("a picture of "));
        CHECK(c.text.find('[') == c.text.npos);
        CHECK((c.details.tokens.size() >= 4 && c.details.tokens.size() <= 9));
        CHECK(c.details.stopped == (c.details.tokens.back() == s.tokens.closing()));
      }
  }
}

TEST_CASE("captioner: beams come best first", "[tasks]") {
  const speaker<cpu> s;
  device<cpu> d({.threads = 1});
  for (const auto& texts : s.with({.beam = {.beams = 5, .best = 5}})(d, world_of(3).pictures)) {
    REQUIRE(texts.size() == 5);
    for (std::size_t i = 1; i < 5; ++i) CHECK(texts[i].details.score <= texts[i - 1].details.score);
  }
}

TEMPLATE_LIST_TEST_CASE("captioner: a given caption has the log-likelihood that its sampler and the loss have for it",
                        "[tasks]", test::golden_backends) {
  using B = TestType;
  const double near = std::is_same_v<B, cpu> ? 1e-4 : 1e-11;
  const speaker<B> s;
  const seen_world w = world_of(3);
  device<B> d;
  std::vector<numbers> told(3);  // after each token
  const auto observe = [&](const generation_progress& p) {
    at(told, p.sequence).push_back(p.log_probability);
    return true;
  };
  const described made = s.with({.how = sampler::greedy})(d, w.pictures, {}, observe);

  // Every caption, and the first two tokens of each, for every picture.
  std::vector<std::vector<int>> given;
  for (const auto& best : made) given.push_back(best[0].details.tokens);
  for (std::size_t i = 0; i < 3; ++i) given.push_back({given[i][0], given[i][1]});
  std::vector<int> prompt = s.tokens.open("");
  prompt[0] = s.tokens.id("[DEC]");
  auto t = s.model.inference(d);
  const seen_pictures seen(t, s.model->towers(), w.pictures, view);
  const auto& decoder = s.model->towers().decoder();
  const auto scores = [&](double smoothing) {
    decoder_model judge(t, decoder.text, decoder.head, decoder.text.project(t, seen.rows.rows, seen.rows.layout));
    std::vector<numbers> out(3, numbers(given.size()));
    const auto ranked = rank_answers(judge, std::vector(3, prompt), given, {.smoothing = smoothing});
    for (std::size_t p = 0; p < 3; ++p)
      for (const ranked_answer& a : ranked[p]) at(out[p], a.answer) = a.log_probability;
    return out;
  };
  const std::vector<numbers> plain = scores(0), smoothed = scores(0.1);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(plain[i][i] - made[i][0].details.log_probability) < near);
    CHECK(std::abs(plain[i][i] - told[i].back()) < near);
    CHECK(std::abs(plain[i][3 + i] - told[i][1]) < near);
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<int> text = prompt;
      text.insert(text.end(), given[k].begin(), given[k].end());
      buffer<B, typename B::scalar> pixels;
      auto alone = s.model.inference(d);
      rows_of_picture(alone, s.model->towers(), w.pictures[i], pixels);
      const auto learnt = s.model->prepare({pixels.data(), 1, 3, view.height, view.width}, {.texts = {text}});
      typename speaker<B>::model_type::state nothing_carried;
      const auto loss = static_cast<double>(to_host(s.model->loss(alone, nothing_carried, learnt).total)[0]);
      CHECK(std::abs(loss * static_cast<double>(given[k].size()) + smoothed[i][k]) < 10 * near);
    }
  }
}

TEST_CASE("captioner: threads within a pass, and threads that share a captioner, do not show", "[tasks]") {
  const speaker<cpu> s;
  const seen_world w = world_of(5);
  device<cpu> one({.threads = 1});
  for (captioner_options o : every_way()) {
    o.batch = 2;
    const captioner<captioning<cpu>> c = s.with(o);
    const described found = c(one, w.pictures);
    for (const int threads : {2, 3}) {
      device<cpu> d({.threads = threads});
      CHECK(same(c(d, w.pictures), found));
    }
    std::vector<described> results(3);
    std::vector<std::thread> threads;
    for (described& mine : results)
      threads.emplace_back([&] {
        device<cpu> d({.threads = 1});
        mine = c(d, w.pictures);
      });
    for (std::thread& t : threads) t.join();
    for (const described& r : results) CHECK(same(r, found));
  }
}

TEST_CASE("captioner: an observer sees pictures by their numbers, and stops everything", "[tasks]") {
  const speaker<cpu> s;
  const seen_world w = world_of(5);
  device<cpu> d({.threads = 1});
  for (captioner_options o : every_way()) {
    o.batch = 2;
    const auto c = s.with(o);
    const described whole = c(d, w.pictures);
    std::set<int> seen;
    std::vector<std::vector<int>> last(5);
    int calls = 0;
    CHECK(same(c(d, w.pictures, {},
                 [&](const generation_progress& p) {
                   ++calls, seen.insert(p.sequence);
                   if (p.sample == 0) at(last, p.sequence).assign(p.tokens.begin(), p.tokens.end());
                   return true;
                 }),
               whole));
    CHECK(seen == std::set<int>{0, 1, 2, 3, 4});
    if (o.how != sampler::beam)
      for (std::size_t i = 0; i < 5; ++i) CHECK(last[i] == whole[i][0].details.tokens);

    // Stopped while the second batch, pictures 2 and 3, is described.
    bool stopped = false;
    int after = 0;
    const described part = c(d, w.pictures, {}, [&](const generation_progress& p) {
      after += stopped;
      stopped = stopped || (p.sequence >= 2 && p.tokens.size() == 3);
      return !stopped;
    });
    CHECK(after == 0);
    REQUIRE(part.size() == 5);
    CHECK((same(part[0], whole[0]) && same(part[1], whole[1])));
    CHECK(part[4].empty());
    if (o.how == sampler::greedy) {
      REQUIRE(part[2].size() == 1);
      CHECK(part[2][0].details.tokens.size() == 3);
      CHECK_FALSE(part[2][0].details.stopped);
    }
  }
}

TEST_CASE("captioner: no pictures give no captions; what contradicts the model is refused", "[tasks]") {
  const speaker<cpu> s;
  const seen_world w = world_of(2);
  device<cpu> d({.threads = 1});
  CHECK(s.with({})(d, {}).empty());
  CHECK_THROWS_AS(s.with({.batch = 0}), config_error);
  CHECK_THROWS_AS(s.with({})(d, w.pictures, std::vector<std::uint64_t>{1}), shape_error);
  CHECK_THROWS_AS(s.with({.how = sampler::sample, .samples = 0})(d, w.pictures), config_error);
  CHECK_THROWS_AS(s.with({.beam = {.beams = 0}})(d, w.pictures), config_error);
  CHECK_THROWS_AS(s.with({.prompt = std::string(60, '!')})(d, w.pictures), config_error);  // 60 tokens and more
  const wordpiece plain(vocabulary(scenes::word_list(scenes::world_size::nano)));          // without [DEC]
  CHECK_THROWS_AS((captioner<captioning<cpu>>(*s.model, s.model.values(), plain)), config_error);
  // The stop id is the tokenizer's, whatever the rules say.
  CHECK(s.with({.rules = {.stop = 17}}).options().rules.stop == s.tokens.closing());
}

TEST_CASE("device_captioner: the best text of each picture, by its stream", "[tasks]") {
  using model = captioning<cpu>;
  const speaker<cpu> s;
  const seen_world w = world_of(3);
  device<cpu> d({.threads = 1});
  const std::vector<std::uint64_t> streams{4, 4, 6};
  static_assert(picture_captioner<device_captioner<model>>);
  for (const captioner_options& o : every_way()) {
    const auto c = s.with(o);
    const described whole = c(d, w.pictures, streams);
    const std::vector<std::string> best = device_captioner<model>{d, c}.caption(w.pictures, streams);
    REQUIRE(best.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(best[i] == whole[i][0].text);
  }
}
