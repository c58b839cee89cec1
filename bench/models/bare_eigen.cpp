// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#include <functional>
#include <vector>

#include "bare_engine.hpp"

namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Eigen as one would call it: its own threads for one product, one head per thread for many.
class eigen_products final : public bare_engine {
 public:
  explicit eigen_products(int threads) : threads_(threads) {}

  void product(int rows, int in, int out) override {
    flop_ += 2.0 * rows * in * out;
    calls_.emplace_back([x = matrix(matrix::Random(rows, in)), w = matrix(matrix::Random(out, in)), y = matrix(rows, out)]() mutable {
      y.noalias() = x * w.transpose();
    });
  }
  void scores(int heads, int rows, int head_width) override {
    flop_ += 4.0 * heads * rows * rows * head_width;
    struct head {
      matrix q, k, v, s, y;
    };
    std::vector<head> all;
    for (int i = 0; i < heads; ++i) {
      const matrix r = matrix::Random(rows, head_width);
      all.push_back({r, r, r, matrix(rows, rows), r});
    }
    calls_.emplace_back([all, heads, threads = threads_]() mutable {
#pragma omp parallel for num_threads(threads)
      for (int i = 0; i < heads; ++i) {
        head& h = all[static_cast<std::size_t>(i)];
        h.s.noalias() = h.q * h.k.transpose();
        h.y.noalias() = h.s * h.v;
      }
    });
  }
  void run() override {
    Eigen::setNbThreads(threads_);
    for (auto& call : calls_) call();
  }

 private:
  int threads_;
  std::vector<std::function<void()>> calls_;
};

}  // namespace

std::unique_ptr<bare_engine> bare_eigen(int threads) { return std::make_unique<eigen_products>(threads); }
