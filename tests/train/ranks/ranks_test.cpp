// SPDX-License-Identifier: Apache-2.0
#include "blip/train/broadcast_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "optim/handmade.hpp"
#include "support/says.hpp"
#include "support/catch.hpp"
#include "support/fenced.hpp"
#include "support/tolerance.hpp"
#include "train/ranks/ranked_training.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using R = reference<double>;

constexpr negatives_from everywhere = negatives_from::all_ranks;

template <class B>
using clip_and_match = vision_language_model<towers<blip_structure(vision, text_of(cross_schedule::all)), B>,
                                             itc<itc_config{.width = 6, .momentum = false}>, itm<>>;
template <class B>
using matched_evenly =
    vision_language_model<towers<albef_structure(vision, text_of(cross_schedule::from_layer)), B>, itm<uniform_negatives>>;
template <class B>
using word_model = vision_language_model<towers<albef_structure(vision, text_of(cross_schedule::from_layer)), B>, mlm<teacher::none>>;

const masking_options masking{.rate = 0.4, .mask = 4, .never = {0, 1}};
constexpr vit_options dropping{.depth = 2, .image_height = side, .image_width = side, .drop_path = 0.4f, .dropout = 0.1f};
tower_options blip_towers() { return {dropping, text_options_of(2, 0), text_options_of(2, 0)}; }
tower_options albef_towers() { return {dropping, text_options_of(4, 2), {}}; }

template <class B>
auto blip_of(itc_options o, mean_over mean) {
  return [=] {
    return std::make_unique<training_state<blip_model<B>>>(training_options{.seed = 1}, blip_towers(), itc<features>(o),
                                                           itm<>({.first_token = 29}, {.epsilon = 1e-4}),
                                                           lm({.first_token = 30, .mean = mean}));
  };
}
template <class B>
auto albef_of(itc_options o, mean_over mean) {
  return [=] {
    return std::make_unique<training_state<albef_model<B>>>(training_options{.seed = 1}, albef_towers(), itc<features>(o),
                                                            itm<>({.first_token = -1}), mlm<>(masking, mean));
  };
}
template <class B>
auto retrieval_of(itc_options o) {
  using model = blip_retrieval<blip_structure(vision, text_of(cross_schedule::all)), B, features>;
  return [=] {
    return std::make_unique<training_state<model>>(training_options{.seed = 1}, blip_towers(), itc<features>(o),
                                                   itm<>({.first_token = 29}));
  };
}
const itc_options all_negatives{.queue = 10, .negatives = everywhere};

// Ranks have equal bits, and those of one rank to rounding.
void check_equal(const std::vector<outcome>& ranks, const outcome& one, double bound = 1e-12) {
  for (std::size_t r = 1; r < ranks.size(); ++r) {
    CHECK(ranks[r].losses == ranks[0].losses);
    CHECK(difference_of_bits(ranks[r].gradients, ranks[0].gradients) == "");
    CHECK(difference_of_bits(ranks[r].state, ranks[0].state) == "");
  }
  REQUIRE(ranks[0].losses.size() == one.losses.size());
  for (std::size_t step = 0; step < one.losses.size(); ++step)
    CHECK(worst_error(ranks[0].losses[step], one.losses[step]) < bound);
  CHECK(largest(one.gradients) > 1e-3);
  CHECK(worst_error(ranks[0].gradients, one.gradients) < bound);
  CHECK(worst_error(ranks[0].state, one.state) < bound);
}

template <class B, class Make>
void check_any_number(const Make& make, const plan& p = {}, double bound = 1e-12) {
  const outcome one = train<B>(1, make, p)[0];
  for (const int ranks : {2, 3, 6}) {
    INFO(ranks << " ranks");
    check_equal(train<B>(ranks, make, p), one, bound);
  }
}

// What f throws of type E, as text.
template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("ranks: N batches of B with all ranks' negatives equal one batch of N B: BLIP", "[train][ranks]") {
  check_any_number<R>(blip_of<R>(all_negatives, mean_over::all_ranks));
}
TEST_CASE("ranks: N batches of B with all ranks' negatives equal one batch of N B: ALBEF", "[train][ranks]") {
  check_any_number<R>(albef_of<R>(all_negatives, mean_over::all_ranks));
}
TEST_CASE("ranks: the same for several micro-batches", "[train][ranks]") {
  check_any_number<R>(albef_of<R>(all_negatives, mean_over::all_ranks), {.steps = 1, .micro_batches = 2});
}
TEST_CASE("ranks: the same with image ids that ranks share", "[train][ranks]") {
  itc_options o = all_negatives;
  check_any_number<R>(retrieval_of<R>(o), {.ids = true});
  o.similarity = similarity_columns::online;
  check_any_number<R>(retrieval_of<R>(o), {.ids = true});
}
TEST_CASE("ranks: the same for features of the batch alone, and for even negatives", "[train][ranks]") {
  check_any_number<R>([] {
    return std::make_unique<training_state<clip_and_match<R>>>(training_options{.seed = 1}, blip_towers(),
                                                               itc<itc_config{.width = 6, .momentum = false}>(all_negatives),
                                                               itm<>({.first_token = 29}));
  });
  check_any_number<R>([] {
    return std::make_unique<training_state<matched_evenly<R>>>(
        training_options{.seed = 1}, albef_towers(), itm<uniform_negatives>({.first_token = -1}, {.from = everywhere}));
  });
}
TEST_CASE("ranks: the processor's floats agree to rounding, and bits are the same run after run", "[train][ranks]") {
  const auto make = blip_of<cpu>(all_negatives, mean_over::all_ranks);
  const auto once = train<cpu>(3, make, {.steps = 1});
  check_equal(once, train<cpu>(1, make, {.steps = 1})[0], of_float.gradient);
  for (const int threads : {1, 2}) {
    cpu::options o;
    o.threads = threads;
    CHECK(difference_of_bits(train<cpu>(3, make, {.steps = 1}, o)[0].state, once[0].state) == "");
  }
}

TEST_CASE("ranks: words count alike on all ranks, also when one has none to predict", "[train][ranks]") {
  const auto run = [](int ranks, mean_over mean) {
    std::vector<numbers> out(static_cast<std::size_t>(ranks));
    in_process<R>({.ranks = ranks}).run([&](communicator<R>& all, device<R>& d) {
      training_state<word_model<R>> s(training_options{.seed = 1}, albef_towers(), mlm<teacher::none>(masking, mean));
      step_batches<word_model<R>> in;
      const int own = 4 / ranks, first = own * all.rank();
      const std::vector<std::vector<int>> texts{{1, 5, 6, 7, 8, 9}, {1, 10, 11, 12}, {1, 1}, {1, 1, 1}};
      examples e;
      for (int g = first; g < first + own; ++g) e.texts.push_back(at(texts, g));
      const numbers pixels = random_numbers(4 * 3 * side * side, 2);
      const std::size_t one = 3 * side * side;
      in.add(*s, std::span(pixels).subspan(static_cast<std::size_t>(first) * one, static_cast<std::size_t>(own) * one), 3, side,
             side, e, {.seed = 1, .first = first});
      adamw<R> o(s.values().layout());
      non_finite policy;
      const auto report = train_step(d, s, o, in, {.rate = 0}, policy, &all);
      numbers& to = out[static_cast<std::size_t>(all.rank())];
      to = look(s, o, {}).gradients;
      to.push_back(report.loss);
    });
    return out;
  };
  const numbers one = run(1, mean_over::own_rank)[0];
  const auto two = run(2, mean_over::all_ranks);
  CHECK(one.back() > 1);
  CHECK(worst_error(two[0], one) < 1e-12);
  CHECK(difference_of_bits(two[0], two[1]) == "");
  // As published, a rank without any counts as one with the loss 0.
  CHECK(run(2, mean_over::own_rank)[0].back() == Approx(one.back() / 2).epsilon(1e-12));
}

// What the published code computes with torch.distributed: each rank's contrast and negatives are of its own batch,
// gradients are averaged, and the queues get everyone's momentum features in rank order.
TEST_CASE("ranks: local negatives give the mean of what each rank computes by itself, and share the queues", "[train][ranks]") {
  const auto make = blip_of<R>({.queue = 10}, mean_over::own_rank);
  const plan p{.steps = 1};
  const auto ranks = train<R>(2, make, p);
  CHECK(difference_of_bits(ranks[0].state, ranks[1].state) == "");

  numbers losses(5, 0), gradients(ranks[0].gradients.size(), 0), images, texts;
  for (int r = 0; r < 2; ++r) {
    device<R> d;
    const auto state = make();
    using model = std::remove_cvref_t<decltype(**state)>;
    step_batches<model> in;
    add_examples(in, **state, 0, 0, 3 * r, 3);
    state->begin(d);
    std::vector<std::pair<std::string, numbers>> seen;
    const auto watch = [&](std::string_view name, const matrix_view<const double>& x) { seen.emplace_back(name, to_host<R>(x)); };
    const auto shown = [&](const char* name) {
      return std::find_if(seen.begin(), seen.end(), [&](const auto& s) { return s.first == name; })->second;
    };
    const step_observer<R> observe(watch);
    auto t = state->recording(d, {.stochastic = true, .seed = 3});
    const auto found = (*state)->loss(t, state->carried(), *in.begin(), {.alpha = 0.4, .observe = &observe});

    // The contrast from its features: own momentum features, then the queue, are what a row is contrasted with.
    auto& q = std::get<0>(state->carried().losses);
    const double tau = state->values().read("temp")[0];
    const auto side_of = [&](const numbers& x, const numbers& keys, const numbers& earlier, const numbers& teacher) {
      numbers all = keys;
      all.insert(all.end(), earlier.begin(), earlier.end());
      const std::size_t w = 6, columns = all.size() / w;
      double sum = 0;
      for (std::size_t b = 0; b < 3; ++b) {
        const auto log_softmax = [&](const numbers& rows) {
          numbers s(columns, 0);
          double mass = 0;
          for (std::size_t c = 0; c < columns; ++c) {
            for (std::size_t i = 0; i < w; ++i) s[c] += rows[b * w + i] * all[c * w + i] / tau;
            mass += std::exp(s[c]);
          }
          for (double& v : s) v -= std::log(mass);
          return s;
        };
        const numbers own = log_softmax(x), taught = log_softmax(teacher);
        for (std::size_t c = 0; c < columns; ++c) sum -= (0.4 * std::exp(taught[c]) + (c == b ? 0.6 : 0)) * own[c];
      }
      return sum / 3;
    };
    const numbers image_m = shown("momentum.image_feature"), text_m = shown("momentum.text_feature");
    const double contrast = (side_of(shown("image_feature"), text_m, q.texts.rows().to_host(), image_m) +
                             side_of(shown("text_feature"), image_m, q.images.rows().to_host(), text_m)) /
                            2;
    CHECK(to_host(found.parts[0])[0] == Approx(contrast).epsilon(1e-12));

    losses[0] += to_host(found.total)[0] / 2;
    for (std::size_t i = 0; i < 3; ++i) losses[i + 1] += to_host(found.parts[i])[0] / 2;
    t.backward(found.total);
    state->discard();
    adamw<R> unused(state->values().layout());
    const numbers own = look(*state, unused, {}).gradients;
    for (std::size_t i = 0; i < own.size(); ++i) gradients[i] += own[i] / 2;
    images.insert(images.end(), image_m.begin(), image_m.end()), texts.insert(texts.end(), text_m.begin(), text_m.end());
  }
  losses[4] = ranks[0].losses[0][4];  // the norm
  CHECK(worst_error(ranks[0].losses[0], losses) < 1e-14);
  CHECK(worst_error(ranks[0].gradients, gradients) < 1e-14);
  // At the state's end: rows of images [10, 6], of texts [10, 6], 10 ids, the cursor.
  const numbers& end = ranks[0].state;
  const auto ring = [&](int from) { return rows_of(end, 1, static_cast<int>(end.size()) - 131 + from, 36); };
  CHECK(ring(0) == images);
  CHECK(ring(60) == texts);
  CHECK(end.back() == 6);
}

TEST_CASE("ranks: hard negatives of all ranks beside a local contrast, as BLIP's retrieval on COCO", "[train][ranks]") {
  const plan p{.steps = 1, .ids = true};
  itc_options o{.queue = 10, .similarity = similarity_columns::online};
  const outcome local = train<R>(2, retrieval_of<R>(o), p)[0];
  o.hard_negatives = everywhere;
  const outcome mixed = train<R>(2, retrieval_of<R>(o), p)[0];
  const outcome one = train<R>(1, retrieval_of<R>(o), p)[0];
  CHECK(mixed.losses[0][1] == local.losses[0][1]);                                  // the contrast
  CHECK(mixed.losses[0][1] != Approx(one.losses[0][1]).epsilon(1e-6));
  CHECK(mixed.losses[0][2] == Approx(one.losses[0][2]).epsilon(1e-12));             // matching
  CHECK(mixed.losses[0][2] != Approx(local.losses[0][2]).epsilon(1e-6));
}

TEST_CASE("ranks: nothing of a pass is asked back from the device", "[train][ranks]") {
  const auto of = [](auto back_end) {
    using B = decltype(back_end);
    std::vector<numbers> out(2);
    in_process<B>({.ranks = 2, .patience = 60}).run([&](communicator<B>& ranks, device<B>& d) {
      const auto once = [&](const auto& make) {
        const auto s = make();
        using model = std::remove_cvref_t<decltype(**s)>;
        step_batches<model> in;
        add_examples(in, **s, 0, 0, 3 * ranks.rank(), 3);
        {
          [[maybe_unused]] const step_of<B> running;
          s->begin(d);
          auto t = s->recording(d, {.stochastic = true});
          t.backward((*s)->loss(t, s->carried(), *in.begin(), {.alpha = 0.4, .ranks = &ranks}).total);
          average_gradients(d, s->gradients(), ranks);
          s->commit();
        }
        adamw<B> o(s->values().layout());
        const outcome end = look(*s, o, {});
        numbers& to = out[static_cast<std::size_t>(ranks.rank())];
        to.insert(to.end(), end.gradients.begin(), end.gradients.end());
        to.insert(to.end(), end.state.begin(), end.state.end());
      };
      once(blip_of<B>(all_negatives, mean_over::all_ranks));
      once(albef_of<B>(all_negatives, mean_over::all_ranks));
    });
    return out;
  };
  const auto here = of(R{}), behind_the_fence = of(fenced{});
  for (std::size_t r = 0; r < 2; ++r) CHECK(difference_of_bits(here[r], behind_the_fence[r]) == "");
}

TEST_CASE("ranks: a step that is not finite on one is skipped by all", "[train][ranks]") {
  std::vector<std::string> culprits(2);
  std::vector<char> same(2), skipped(2);
  in_process<R>({.ranks = 2}).run([&](communicator<R>& ranks, device<R>& d) {
    const auto s = blip_of<R>(all_negatives, mean_over::all_ranks)();
    using model = std::remove_cvref_t<decltype(**s)>;
    adamw<R> o(s->values().layout());
    non_finite policy;
    const auto r = static_cast<std::size_t>(ranks.rank());
    const auto step = [&](double poison) {
      step_batches<model> in;
      add_examples(in, **s, 0, 0, 3 * ranks.rank(), 3, false, ranks.rank() == 1 ? poison : 0);
      return train_step(d, *s, o, in, {.rate = 1e-2, .alpha = 0.4}, policy, &ranks).verdict == verdict::skip;
    };
    step(0);
    const numbers before = look(*s, o, {}).state;
    s->average_due() = false;  // or the next step moves the momentum copy, as it should
    skipped[r] = step(blip_test::nan);
    same[r] = difference_of_bits(look(*s, o, {}).state, before).empty();
    culprits[r] = policy.culprit();
  });
  for (std::size_t r = 0; r < 2; ++r) CHECK((skipped[r] && same[r]));
  CHECK(culprits[0] == culprits[1]);
}

TEST_CASE("ranks: batches, models and micro-batches that differ are named on every rank", "[train][ranks]") {
  const auto errors_of = [](auto body) {
    std::vector<std::string> texts(2);
    in_process<R>({.ranks = 2}).run([&](communicator<R>& ranks, device<R>& d) {
      texts[static_cast<std::size_t>(ranks.rank())] = thrown<distributed_error>([&] { body(ranks, d); });
    });
    return texts;
  };
  const auto step_with = [](auto make, int micro_batches, int first, int count) {
    return [=](communicator<R>& ranks, device<R>& d) {
      const auto s = make(ranks.rank());
      using model = std::remove_cvref_t<decltype(**s)>;
      step_batches<model> in;
      for (int k = 0; k < (ranks.rank() == 0 ? 1 : micro_batches); ++k)
        add_examples(in, **s, 0, k, ranks.rank() * first, ranks.rank() == 0 ? 3 : count);
      adamw<R> o(s->values().layout());
      non_finite policy;
      s->average_due() = false;  // or the step moves the momentum copy, as it should
      const numbers before = look(*s, o, {}).state;
      try {
        train_step(d, *s, o, in, {}, policy, &ranks);
      } catch (...) {
        if (!difference_of_bits(look(*s, o, {}).state, before).empty()) throw std::logic_error("a trace was left");
        throw;
      }
    };
  };
  const auto alike = [](int) { return blip_of<R>(all_negatives, mean_over::all_ranks)(); };
  for (const auto& text : errors_of(step_with(alike, 1, 3, 2))) {
    CHECK(says(text, "texts of a batch"));
    CHECK(says(text, "3 as on rank 0, found 2 on rank 1"));
  }
  for (const auto& text : errors_of(step_with(alike, 2, 3, 3))) CHECK(says(text, "micro-batches"));
  const auto deeper = [](int rank) {
    return std::make_unique<training_state<word_model<R>>>(
        training_options{.seed = 1}, tower_options{dropping, text_options_of(4 + rank, 2), {}}, mlm<teacher::none>(masking));
  };
  for (const auto& text : errors_of(step_with(deeper, 1, 3, 3))) CHECK(says(text, "parameters"));
  // Examples with the numbers of another rank would draw its random numbers.
  CHECK(says(thrown<shape_error>([&] {
               in_process<R>({.ranks = 2}).run([&](auto& ranks, auto& d) { step_with(alike, 1, 0, 3)(ranks, d); });
             }),
             "example_site::first"));
}

TEST_CASE("ranks: a rank that throws in the middle of training ends all, and leaves no trace", "[train][ranks]") {
  std::vector<std::string> texts(3);
  std::vector<char> same(3, 0);
  const auto run = [&] {
    in_process<R>({.ranks = 3}).run([&](communicator<R>& ranks, device<R>& d) {
      const auto s = albef_of<R>(all_negatives, mean_over::all_ranks)();
      using model = std::remove_cvref_t<decltype(**s)>;
      adamw<R> o(s->values().layout());
      non_finite policy;
      step_batches<model> in;
      add_examples(in, **s, 0, 0, 2 * ranks.rank(), 2);
      train_step(d, *s, o, in, {}, policy, &ranks);
      const numbers before = look(*s, o, {}).state;
      s->average_due() = false;
      if (ranks.rank() == 1) throw io_error({"the disk of rank 1", {}, {}, {}});
      const auto r = static_cast<std::size_t>(ranks.rank());
      try {
        train_step(d, *s, o, in, {}, policy, &ranks);
      } catch (const distributed_error& e) {
        texts[r] = e.what();
        same[r] = difference_of_bits(look(*s, o, {}).state, before).empty();
        throw;
      }
    });
  };
  CHECK(thrown<io_error>(run) == "the disk of rank 1");
  for (const std::size_t r : {0u, 2u}) {
    CHECK(says(texts[r], "rank 1 failed"));
    CHECK(says(texts[r], "the disk of rank 1"));
    CHECK(same[r]);
  }
}

TEST_CASE("ranks: one hands the others all that its run has changed", "[train][ranks]") {
  std::vector<numbers> ends(3), starts(3);
  std::vector<std::vector<std::int64_t>> counts(3);
  in_process<R>({.ranks = 3}).run([&](communicator<R>& ranks, device<R>& d) {
    const auto r = static_cast<std::size_t>(ranks.rank());
    const auto s = albef_of<R>(all_negatives, mean_over::all_ranks)();
    using model = std::remove_cvref_t<decltype(**s)>;
    adamw<R> o(s->values().layout());
    if (ranks.rank() == 1) {  // has trained alone
      non_finite policy;
      step_batches<model> in;
      add_examples(in, **s, 0, 0, 0, 3);
      train_step(d, *s, o, in, {.rate = 1e-2}, policy);
    }
    starts[r] = look(*s, o, {}).state;
    broadcast_run(ranks, *s, o, 1);
    ends[r] = look(*s, o, {}).state, counts[r] = o.steps();
  });
  CHECK(starts[0] != starts[1]);
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(difference_of_bits(ends[r], starts[1]) == "");
    CHECK(counts[r] == counts[1]);
  }
  CHECK(*std::max_element(counts[0].begin(), counts[0].end()) == 1);
}

TEST_CASE("average_gradients: what a loss of any rank reached has its mean everywhere, the rest stays untouched",
          "[train][ranks]") {
  std::vector<numbers> first(3), second(3);
  std::vector<char> untouched(3);
  in_process<R>({.ranks = 3}).run([&](communicator<R>& ranks, device<R>& d) {
    handmade<R> h({{"first", {2}}, {"second", {3}}, {"third", {2}}});
    const int rank = ranks.rank();
    for (int before : {0, 1, 2}) h.gradient(before, numbers(static_cast<std::size_t>(h.size(before)), 1e9));
    h.gradients.clear();  // an earlier step's numbers are garbage
    h.gradient(0, {3.0 * rank, 6});
    if (rank == 1) h.gradient(1, {1, 2, 3});
    average_gradients(d, h.gradients, ranks);
    const auto& entries = h.layout().entries();
    const auto r = static_cast<std::size_t>(rank);
    first[r] = h.gradients.values().read(entries[0]), second[r] = h.gradients.values().read(entries[1]);
    untouched[r] = h.gradients.touched(0) && h.gradients.touched(1) && !h.gradients.touched(2);
  });
  for (std::size_t r = 0; r < 3; ++r) {
    CHECK(first[r] == numbers{3, 6});
    CHECK(worst_error(second[r], {1.0 / 3, 2.0 / 3, 1}) < 1e-15);
    CHECK(untouched[r]);
  }
}
