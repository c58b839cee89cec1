// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "blip/train/in_process.hpp"
#include "support/catch.hpp"
#include "train/tiny_run.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using ranked_model = blip_model<cpu>;
constexpr std::int64_t ranked_steps = 7;

// Each rank has steps of its own.
step_batches<ranked_model> of_rank(const ranked_model& m, std::int64_t step, int rank) {
  return input_of(m, step, 1, 0, rank);
}

std::vector<float> all_values(const training_state<ranked_model>& s) {
  std::vector<float> all;
  for (const auto& e : s.values().layout()->entries()) {
    const std::vector<float> own = s.values().read(e);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

struct ranked_end {
  run_result result;
  std::vector<std::vector<float>> values;  // by rank
};

template <class Options>
ranked_end train_ranked(const std::string& folder, int ranks, const Options& options_for) {
  ranked_end out;
  out.values.resize(static_cast<std::size_t>(ranks));
  in_process<cpu>({.ranks = ranks, .patience = 20}, {.threads = 1}).run([&](communicator<cpu>& all, device<cpu>& d) {
    const auto state = make<ranked_model>();
    trainer<ranked_model> t(d, *state, folder, options_for(all.rank()), {}, &all);
    const run_result r = t.train([&](const ranked_model& m, std::int64_t n) { return of_rank(m, n, all.rank()); });
    if (all.rank() == 0) out.result = r;
    out.values[static_cast<std::size_t>(all.rank())] = all_values(*state);
  });
  return out;
}
ranked_end train_ranked(const std::string& folder, int ranks = 2) {
  return train_ranked(folder, ranks, [](int) { return tiny_options(ranked_steps); });
}

}  // namespace

TEST_CASE("trainer: ranks make one run, which one of them writes", "[train][trainer][ranks]") {
  const temporary_folder run;
  const ranked_end end = train_ranked(run.path.string());
  CHECK((end.result.end == run_end::finished && end.result.step == ranked_steps));
  CHECK(end.values[0] == end.values[1]);
  CHECK(log_lines(run.path.string()).size() == ranked_steps);

  // The same steps by hand.
  in_process<cpu>({.ranks = 2, .patience = 20}, {.threads = 1}).run([&](communicator<cpu>& all, device<cpu>& d) {
    const trainer_options o = tiny_options(ranked_steps);
    const auto state = make<ranked_model>();
    adamw<cpu> optimiser(state->values().layout(), o.optimiser);
    non_finite policy;
    for (std::int64_t i = 0; i < ranked_steps; ++i) {
      const train_position at = position_of(i, o);
      train_step(d, *state, optimiser, of_rank(**state, i, all.rank()),
                 {.rate = o.rate(at), .alpha = o.alpha(at), .clip = o.clip, .seed = o.seed,
                  .step = static_cast<std::uint64_t>(i)},
                 policy, &all);
    }
    if (all.rank() == 0) CHECK(all_values(*state) == end.values[0]);
  });
}

TEST_CASE("trainer: ranks that were stopped go on with the same bits, whoever asked for it", "[train][trainer][ranks]") {
  const temporary_folder whole, run;
  const ranked_end undisturbed = train_ranked(whole.path.string());
  for (const int asking : {0, 1}) {
    const std::string folder = run / std::to_string(asking);
    const ranked_end stopped = train_ranked(folder, 2, [&](int rank) {
      trainer_options o = tiny_options(ranked_steps);
      if (rank == asking) o.stop = [left = std::make_shared<int>(4)] { return (*left)-- <= 0; };
      return o;
    });
    CHECK((stopped.result.end == run_end::stopped && stopped.result.step == 4));
    const ranked_end end = train_ranked(folder);
    CHECK((end.result.resumed_from == 4 && end.result.end == run_end::finished));
    CHECK(end.values == undisturbed.values);
    CHECK(saved(folder, ranked_steps) == saved(whole.path.string(), ranked_steps));
  }
}

TEST_CASE("trainer: a run goes on with as many ranks as it was begun with", "[train][trainer][ranks]") {
  const temporary_folder run;
  static_cast<void>(train_ranked(run.path.string()));
  CHECK_THROWS_WITH(train_ranked(run.path.string(), 3), Catch::Contains("begun with another ranks"));
  CHECK_THROWS_AS(train_tiny<ranked_model>(run.path.string(), tiny_options(ranked_steps)), config_error);
}

TEST_CASE("trainer: one rank that fails ends all, and its sentence is what is said", "[train][trainer][ranks]") {
  const temporary_folder run;
  const auto with = [&](auto&& source) {
    in_process<cpu>({.ranks = 2, .patience = 20}, {.threads = 1}).run([&](communicator<cpu>& all, device<cpu>& d) {
      const auto state = make<ranked_model>();
      trainer<ranked_model> t(d, *state, run.path.string(), tiny_options(ranked_steps), {}, &all);
      t.train(source(all.rank()));
    });
  };
  const auto failing = [](int rank) {
    return [rank](const ranked_model& m, std::int64_t n) {
      if (rank == 1 && n == 2) throw format_error({"the picture of rank 1", "a picture", "none", {}});
      return of_rank(m, n, rank);
    };
  };
  CHECK_THROWS_WITH(with(failing), Catch::Contains("the picture of rank 1"));

  struct reading_on {
    step_batches<ranked_model> operator()(const ranked_model& m, std::int64_t n) { return of_rank(m, n, 0); }
    std::string position() const { return "here"; }
    void restore(std::string_view) {}
  };
  CHECK_THROWS_WITH(with([](int) { return reading_on{}; }), Catch::Contains("functions of their number"));
}
