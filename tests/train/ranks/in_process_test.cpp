// SPDX-License-Identifier: Apache-2.0
#include "blip/train/in_process.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/core/require_agreement.hpp"
#include "blip/ops/gather_ranks.hpp"
#include "support/says.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using R = reference<double>;

// What body gives on each rank.
template <class X, class B = R, class F>
std::vector<X> on_all(int ranks, F body) {
  std::vector<X> out(static_cast<std::size_t>(ranks));
  in_process<B>({.ranks = ranks, .patience = 20}).run([&](communicator<B>& all, device<B>& d) {
    out[static_cast<std::size_t>(all.rank())] = body(all, d);
  });
  return out;
}
template <class F>
std::string failure_of(int ranks, F body, double patience = 20) {
  try {
    in_process<R>({.ranks = ranks, .patience = patience}).run([&](communicator<R>& all, device<R>&) { body(all); });
  } catch (const distributed_error& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("in_process: gathers, in rank order", "[train][in_process]") {
  for (const auto& all : on_all<std::vector<int>>(3, [](communicator<R>& ranks, device<R>&) {
         const int own[2]{10 * ranks.rank(), 10 * ranks.rank() + 1};
         std::vector<int> host(6), device(6);
         ranks.all_gather_host(own, host.data(), sizeof own);
         ranks.all_gather(own, device.data(), sizeof own);
         ranks.barrier();
         return host == device ? host : std::vector<int>{};
       }))
    CHECK(all == std::vector<int>{0, 1, 10, 11, 20, 21});
}

TEST_CASE("in_process: sums of any length are the same bits on all ranks and taken in rank order", "[train][in_process]") {
  for (const int size : {0, 1, 2, 5, 1024, 5000}) {
    // 1 is lost beside 1e16, unless 1e16 has been taken away before.
    const auto own = [&](int rank) {
      numbers v = random_numbers(size, static_cast<std::uint64_t>(rank) + 1);
      for (double& x : v) x += rank == 0 ? 1e16 : rank == 1 ? -1e16 : 0;
      return v;
    };
    numbers expected = own(0);
    for (int rank = 1; rank < 3; ++rank) {
      const numbers more = own(rank);
      for (std::size_t i = 0; i < more.size(); ++i) expected[i] += more[i];
    }
    for (const auto& sum : on_all<numbers>(3, [&](communicator<R>& ranks, device<R>&) {
           numbers v = own(ranks.rank());
           ranks.all_reduce(v.data(), v.size());
           return v;
         }))
      CHECK(difference_of_bits(sum, expected) == "");
    const auto parts = on_all<numbers>(3, [&](communicator<R>& ranks, device<R>&) {
      const numbers v = own(ranks.rank());
      numbers part(v.size() / 3);
      ranks.reduce_scatter(v.data(), part.data(), part.size());
      return part;
    });
    for (int r = 0; r < 3; ++r) CHECK(at(parts, r) == rows_of(expected, 1, r * (size / 3), size / 3));
  }
}

TEST_CASE("in_process: floats of the processor are summed in rank order", "[train][in_process]") {
  for (const float sum : on_all<float, cpu>(3, [](communicator<cpu>& ranks, device<cpu>&) {
         std::vector<float> v(3000, ranks.rank() == 0 ? 1e9f : ranks.rank() == 1 ? -1e9f : 1.5f);
         ranks.all_reduce(v.data(), v.size());
         return v[0] == v[2999] ? v[1500] : 0;
       }))
    CHECK(sum == 1.5f);
}

TEST_CASE("in_process: broadcasts what one rank has", "[train][in_process]") {
  for (const auto& v : on_all<numbers>(3, [](communicator<R>& ranks, device<R>&) {
         numbers own(4, ranks.rank());
         ranks.broadcast(own.data(), own.size() * sizeof(double), 2);
         return own;
       }))
    CHECK(v == numbers(4, 2));
}

TEST_CASE("gather_ranks: a row's gradient is the sum of what all ranks have for it", "[train][in_process]") {
  // Rank r has rows r + 1 and gives row i of [6, 2] the gradient 10 r + i.
  const auto gradients = on_all<numbers>(3, [](communicator<R>& ranks, device<R>& d) {
    const arena<R> none(std::make_shared<arena_layout>());
    blip::gradients<R> g(none.layout());
    recording_tape<R> t(d, none, g);
    const numbers own(4, ranks.rank() + 1);
    const auto x = t.input<2>({own.data(), 2, 2, 2, nullptr}, true);
    const auto y = ops::gather_ranks(t, x, ranks);
    if (to_host(y) != numbers{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}) throw std::logic_error("other rows");
    numbers seed(12);
    for (int i = 0; i < 12; ++i) at(seed, i) = 10 * ranks.rank() + i / 2;
    t.backward(y, {seed.data(), 6, 2, 2, nullptr});
    return to_host<R>(t.gradient_of(x));
  });
  CHECK(gradients[0] == numbers{30, 30, 33, 33});
  CHECK(gradients[1] == numbers{36, 36, 39, 39});
  CHECK(gradients[2] == numbers{42, 42, 45, 45});
}

TEST_CASE("in_process: what a rank throws is what the run throws, whatever the others were waiting for", "[train][in_process]") {
  for (int guilty = 0; guilty < 3; ++guilty)
    for (int when = 0; when < 4; ++when) {
      std::vector<std::string> others(3);
      const auto run = [&] {
        in_process<R>({.ranks = 3}).run([&](communicator<R>& ranks, device<R>&) {
          const auto r = static_cast<std::size_t>(ranks.rank());
          try {
            double x[3]{1, 2, 3}, part = 0;
            for (int k = 0; k < 4; ++k) {
              if (ranks.rank() == guilty && k == when) throw std::runtime_error("of my own\nin two lines");
              if (k == 0) ranks.all_reduce(x, 3);
              if (k == 1) ranks.of_all(k);
              if (k == 2) ranks.reduce_scatter(x, &part, 1);
              if (k == 3) ranks.broadcast(x, sizeof x, 1);
            }
          } catch (const distributed_error& e) {
            others[r] = e.what();
            throw;
          }
        });
      };
      CHECK_THROWS_WITH(run(), "of my own\nin two lines");
      for (int r = 0; r < 3; ++r)
        CHECK(at(others, r) == (r == guilty ? "" : "in_process: rank " + std::to_string(guilty) + " failed\n  of my own"));
    }
}

TEST_CASE("in_process: ranks that want different things are told so", "[train][in_process]") {
  double x[4]{};
  const std::string kinds = failure_of(2, [&](communicator<R>& ranks) {
    if (ranks.rank() == 0) ranks.barrier(), ranks.all_reduce(x, 4);
    else ranks.barrier(), ranks.of_all(x[0]);
  });
  CHECK(says(kinds, "collective 2"));
  CHECK(says(kinds, "all_reduce of 32 bytes as on rank 0, found all_gather_host of 8 bytes on rank 1"));
  const std::string sizes = failure_of(3, [&](communicator<R>& ranks) {
    numbers own(ranks.rank() == 2 ? 5 : 4), all(15);
    ranks.all_gather(own.data(), all.data(), own.size() * sizeof(double));
  });
  CHECK(says(sizes, "all_gather of 32 bytes as on rank 0, found all_gather of 40 bytes on rank 2"));
  const std::string numbers_differ = failure_of(3, [](communicator<R>& ranks) {
    require_agreement(ranks, "here", {{"apples", 3}, {"pears", ranks.rank() == 1 ? 7 : 8}});
  });
  CHECK(says(numbers_differ, "here: pears"));
  CHECK(says(numbers_differ, "8 as on rank 0, found 7 on rank 1"));
}

TEST_CASE("in_process: nobody waits for a rank that has ended or does not come", "[train][in_process]") {
  const std::string ended = failure_of(3, [](communicator<R>& ranks) {
    if (ranks.rank() != 1) ranks.barrier();
  });
  CHECK(says(ended, "found rank 1 to have ended before"));
  const std::string slow = failure_of(
      3,
      [](communicator<R>& ranks) {
        ranks.barrier();
        if (ranks.rank() == 2) std::this_thread::sleep_for(std::chrono::milliseconds(400));
        ranks.barrier();
      },
      0.05);
  CHECK(says(slow, "all_gather_host, collective 2"));
  CHECK(says(slow, "nothing of rank 2"));
}

TEST_CASE("in_process: many short meetings of more ranks than processors", "[train][in_process]") {
  for (const double sum : on_all<double>(8, [](communicator<R>& ranks, device<R>&) {
         double total = 0;
         for (int k = 0; k < 300; ++k) {
           double x = ranks.rank() + k;
           ranks.all_reduce(&x, 1);
           total += x;
         }
         return total;
       }))
    CHECK(sum == 8 * 300 * 299 / 2 + 300 * 28);
}

TEST_CASE("in_process: options out of range", "[train][in_process]") {
  CHECK_THROWS_AS(in_process<R>({.ranks = 0}), config_error);
  CHECK_THROWS_AS(in_process<R>({.ranks = 2, .patience = 0}), config_error);
  CHECK_THROWS_AS(in_process<R>({.ranks = 2, .patience = blip_test::nan}), config_error);
}
