// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/simt/simt.hpp"
#include "support/tolerance.hpp"

// Kernels called directly, on the GPU and on the oracle.
namespace blip_test {

using blip::buffer;
using blip::cuda;
using blip::device;
using blip::gradient_view;
using blip::matrix_view;
using blip::precision;
using blip::reference;

// Memory of a back end that kernels are called on directly.
template <class B>
class bench {
 public:
  using S = typename B::scalar;

  explicit bench(typename B::options o = {}) : device_(o) {}
  device<B>& dev() { return device_; }
  matrix_view<S> matrix(const numbers& v, int rows, int stride = 0, int width = 0) {
    const std::vector<S> host(v.begin(), v.end());
    const int columns = static_cast<int>(v.size()) / rows;
    matrices_.emplace_back(std::span<const S>(host));
    return {matrices_.back().data(), rows, width > 0 ? width : columns, stride > 0 ? stride : columns, nullptr};
  }
  gradient_view<S> ones(int rows, int width, bool accumulate = true) {
    return {matrix(numbers(static_cast<std::size_t>(rows * width), 1), rows), accumulate};
  }
  const int* integers(const std::vector<int>& v) {
    integers_.emplace_back(std::span<const int>(v));
    return integers_.back().data();
  }
  numbers all() const {
    numbers found;
    for (const auto& m : matrices_)
      for (const S x : m.to_host()) found.push_back(static_cast<double>(x));
    return found;
  }

 private:
  device<B> device_;
  std::vector<buffer<B, S>> matrices_;
  std::vector<buffer<B, int>> integers_;
};

// The same calls on both back ends leave the same numbers in all matrices.
template <class F>
void agree(F f, cuda::options o = {.products = precision::fp32}, double close = of_float.gradient) {
  bench<reference<double>> oracle;
  f(oracle);
  const numbers expected = oracle.all();
  numbers first;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    INFO("order " << seed);
    simt::run_options().seed = seed;
    bench<cuda> gpu(o);
    f(gpu);
    const numbers found = gpu.all();
    CHECK(worst_error(found, expected) <= close);
    if (seed == 0) first = found;
    CHECK(difference_of_bits(found, first) == "");
  }
  simt::run_options().seed = 0;
}

}  // namespace blip_test
