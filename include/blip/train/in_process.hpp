// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "blip/backend/kernels.hpp"
#include "blip/core/communicator.hpp"
#include "blip/core/device.hpp"
#include "blip/core/error.hpp"
#include "blip/core/parallel_for.hpp"
#include "blip/train/meeting.hpp"

namespace blip::inline BLIP_ABI {

struct in_process_options {
  int ranks = 1;
  double patience = 120;  // seconds that ranks wait for the others
};

// Ranks as threads of one process, each with a device of its own; whatever a rank changes (training_state, adamw) is its
// own as well. For tests of what happens between ranks, and for whoever wants N small batches instead of a large one.
//   in_process<cpu>({.ranks = 2}).run([](communicator<cpu>& ranks, device<cpu>& d) { ... });
// Sums are taken in rank order: the same bits on all ranks and in every run. A rank that throws ends all others, which
// throw distributed_error in the collective that they wait in or come to; run() then throws what that rank threw. So do
// ranks that disagree about what to do next (other models, batch sizes, numbers of steps), and one that keeps the others
// waiting: no collective waits for ever. A rank that never returns keeps run() from returning.
template <class B>
class in_process {
 public:
  // The threads of a back end that has some are shared out, unless `device_options` says how many a rank has.
  // Throws config_error for options out of range.
  explicit in_process(in_process_options o, typename B::options device_options = {})
      : options_(o), device_options_(device_options) {
    if (o.ranks < 1) throw config_error({"in_process: ranks", "1 or more", std::to_string(o.ranks), {}});
    if (!(o.patience > 0 && std::isfinite(o.patience) && o.patience < 1e9))
      throw config_error({"in_process: patience", "a positive number of seconds", std::to_string(o.patience), {}});
    if constexpr (requires { device_options_.threads = 1; })
      if (device_options_.threads == 0) device_options_.threads = std::max(1, available_threads() / o.ranks);
  }

  // Calls body(communicator<B>&, device<B>&) on every rank, and returns when all have ended.
  template <class F>
  void run(F&& body) const {
    meeting all(options_.ranks, options_.patience);
    const auto one = [&](int rank) {
      try {
        device<B> d(device_options_);
        member ranks(all, rank, options_.ranks, d);
        body(static_cast<communicator<B>&>(ranks), d);
        all.end(rank);
      } catch (...) {
        all.fail(rank, std::current_exception());
      }
    };
    std::vector<std::thread> threads;
    for (int rank = 0; rank < options_.ranks; ++rank) {
      try {
        threads.emplace_back(one, rank);
      } catch (...) {  // no such thread: those that run learn of it
        all.fail(rank, std::current_exception());
      }
    }
    for (std::thread& t : threads) t.join();
    all.rethrow();
  }

 private:
  class member final : public communicator<B> {
   public:
    using S = typename B::scalar;

    member(meeting& all, int rank, int ranks, device<B>& d) : all_(all), rank_(rank), ranks_(ranks), device_(d) {}

    int rank() const override { return rank_; }
    int ranks() const override { return ranks_; }

    void all_gather(const void* own, void* all, std::size_t bytes) override {
      all_.meet(rank_, {"all_gather", bytes, own, nullptr}, [&](const auto& wishes) {
        each(wishes, [&](std::size_t r, const void* in) { memory<B>::copy(at(all, r * bytes), in, bytes); });
      });
    }
    void all_gather_host(const void* own, void* all, std::size_t bytes) override {
      all_.meet(rank_, {"all_gather_host", bytes, own, nullptr}, [&](const auto& wishes) {
        if (bytes > 0) each(wishes, [&](std::size_t r, const void* in) { std::memcpy(at(all, r * bytes), in, bytes); });
      });
    }
    // Every rank sums a part of the data and hands it to all.
    void all_reduce(S* data, std::size_t size) override {
      all_.meet(rank_, {"all_reduce", size * sizeof(S), data, data}, [&](const auto& wishes) {
        const auto part = [&](int r) { return size * static_cast<std::size_t>(r) / static_cast<std::size_t>(ranks_); };
        const std::size_t first = part(rank_), count = part(rank_ + 1) - first;
        const scratch<B, S> sum(device_, count);
        add_up(wishes, first, sum.data(), count);
        for (const meeting::wish& w : wishes) memory<B>::copy(static_cast<S*>(w.out) + first, sum.data(), count * sizeof(S));
      });
    }
    void reduce_scatter(const S* data, S* own, std::size_t size) override {
      all_.meet(rank_, {"reduce_scatter", size * sizeof(S), data, nullptr}, [&](const auto& wishes) {
        add_up(wishes, static_cast<std::size_t>(rank_) * size, own, size);
      });
    }
    void broadcast(void* data, std::size_t bytes, int from) override {
      all_.meet(rank_, {"broadcast", bytes, data, nullptr}, [&](const auto& wishes) {
        if (rank_ != from) memory<B>::copy(data, wishes[static_cast<std::size_t>(from)].in, bytes);
      });
    }

   private:
    static void* at(void* data, std::size_t bytes) { return static_cast<std::byte*>(data) + bytes; }
    template <class W, class F>
    static void each(const W& wishes, F f) {
      for (std::size_t r = 0; r < wishes.size(); ++r) f(r, wishes[r].in);
    }

    // sum <- the sum of everyone's data[first ... first + count - 1], in rank order.
    template <class W>
    void add_up(const W& wishes, std::size_t first, S* sum, std::size_t count) {
      each(wishes, [&](std::size_t r, const void* in) {
        const S* const data = static_cast<const S*>(in) + first;
        if (r == 0)
          memory<B>::copy(sum, data, count * sizeof(S));
        else
          add(data, sum, count);
      });
    }
    void add(const S* data, S* sum, std::size_t count) {
      constexpr int width = 1024;
      const auto block = [&](std::size_t from, int rows, int columns) {
        if (rows > 0 && columns > 0)
          kernels<B>::copy_columns_vjp(device_, {data + from, rows, columns, columns, nullptr},
                                       gradient_view<S>{{sum + from, rows, columns, columns, nullptr}, true});
      };
      const std::size_t rows = count / width;
      block(0, static_cast<int>(rows), width);
      block(rows * width, 1, static_cast<int>(count % width));
    }

    meeting& all_;
    int rank_, ranks_;
    device<B>& device_;
  };

  in_process_options options_;
  typename B::options device_options_;
};

}  // namespace blip::inline BLIP_ABI
