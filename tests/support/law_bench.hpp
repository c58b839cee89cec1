// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <complex>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "blip/ops/residual.hpp"
#include "support/dual.hpp"
#include "support/fenced.hpp"
#include "support/law_case.hpp"

namespace blip_test {

// Values that carry a derivative: dual numbers, and complex ones with a tiny imaginary part.
template <class S>
struct tangent {
  static S make(double value, double) { return static_cast<S>(value); }
  static double value(S x) { return static_cast<double>(x); }
  static double derivative(S) { return 0; }
};
template <>
struct tangent<dual> {
  static dual make(double value, double d) { return {value, d}; }
  static double value(dual x) { return x.value; }
  static double derivative(dual x) { return x.derivative; }
};
template <>
struct tangent<std::complex<double>> {
  static constexpr double step = 1e-40;
  static std::complex<double> make(double value, double d) { return {value, d * step}; }
  static double value(std::complex<double> x) { return x.real(); }
  static double derivative(std::complex<double> x) { return x.imag() / step; }
};

enum class law_mode { once, used_twice, run_twice };

// A subject on one back end, with the back end's type gone.
class law_runner {
 public:
  virtual ~law_runner() = default;
  virtual std::vector<blip::arena_layout::entry> entries() const = 0;
  virtual std::int64_t parameters() const = 0;
  virtual law_result infer(const law_point& p, int tangent_leaf = -1, int tangent_element = 0) = 0;
  virtual law_result record(const law_point& p, const numbers& dy, law_mode mode = law_mode::once) = 0;
  // The same as infer, after the parameters went out and in again by name and the module was moved.
  virtual law_result infer_reloaded(const law_point& p) = 0;
  virtual std::size_t bytes_in_use() = 0;
};

using law_factory = std::function<std::unique_ptr<law_runner>(const law_case&)>;

// Fills what the pool will hand out next with NaN, so that reading before writing shows.
template <class B>
void poison(blip::device<B>& d) {
  constexpr int copies = 6;
  const std::vector<unsigned char> ones(std::size_t{64} << 10, 0xff);
  const auto fill = [&](std::size_t bytes) {
    void* blocks[copies];
    for (void*& p : blocks) {
      p = d.tensors().take(bytes);
      blip::memory<B>::copy_in(p, ones.data(), bytes);
    }
    for (void* p : blocks) d.tensors().give(p, bytes);
  };
  for (std::size_t units = 1; units <= 8; ++units) fill(units * 64);
  for (std::size_t shift = 0; (std::size_t{1024} << shift) <= ones.size(); ++shift)
    for (std::size_t top = 9; top <= 16; ++top) fill((top << shift) * 64);
}

// Make: module of B. Forward: (tape, module, arguments) to a tensor.
template <class B, class Make, class Forward>
class law_inference : public law_runner {
 protected:
  using S = typename B::scalar;
  using module_type = decltype(std::declval<Make>().template operator()<B>());

 public:
  law_inference(const law_case& c, Make make, Forward forward, typename B::options options)
      : case_(c), forward_(std::move(forward)), module_(make.template operator()<B>()), device_(options) {
    auto layout = std::make_shared<blip::arena_layout>();
    layout->place("", module_);
    layout_ = layout;
    values_ = blip::arena<B>(layout_);
    for (const law_ints& i : c.ints) ints_.emplace_back(std::span<const int>(i.values));
    for (const law_layout& l : c.layouts) {
      if (l.uniform)
        layouts_.emplace_back();
      else if (l.begins.empty())
        layouts_.emplace_back(std::span<const int>(l.lengths));
      else
        layouts_.emplace_back(std::span<const int>(l.begins), std::span<const int>(l.lengths), l.rows);
      if (!l.positions.empty()) layouts_.back().positions(l.positions);
      if (!l.streams.empty()) layouts_.back().streams(l.streams);
    }
    for (const law_input& i : c.inputs) {
      inputs_.emplace_back(static_cast<std::size_t>(i.rows) * static_cast<std::size_t>(i.width));
      lives_.emplace_back(std::span<const int>(&i.live, 1));
    }
  }

  std::vector<blip::arena_layout::entry> entries() const override { return layout_->entries(); }
  std::int64_t parameters() const override { return layout_->parameters(); }
  std::size_t bytes_in_use() override { return device_.tensors().bytes_in_use() + device_.records().bytes_in_use(); }

  law_result infer(const law_point& p, int leaf, int element) override {
    load(p, leaf, element);
    return infer_with(module_, values_);
  }
  law_result record(const law_point&, const numbers&, law_mode) override { return {}; }
  law_result infer_reloaded(const law_point& p) override {
    load(p, -1, 0);
    module_type moved = std::move(module_);
    blip::arena<B> other(layout_);
    for (const auto& n : layout_->names()) {
      const std::vector<S> host = values_.read(n.text);
      other.write(n.text, std::span<const S>(host));
    }
    const law_result r = infer_with(moved, other);
    module_ = std::move(moved);
    return r;
  }

 protected:
  law_result infer_with(const module_type& module, const blip::arena<B>& values) {
    blip::inference_tape<B> t(device_, values, case_.tape);
    law_result r;
    const auto a = arguments(t);
    read(in_step([&] { return forward_(t, module, a); }), r);
    return r;
  }

  template <class F>
  static auto in_step(F f) {
    [[maybe_unused]] const step_of<B> step;
    return f();
  }

  void load(const law_point& p, int leaf, int element) {
    std::size_t l = 0;
    const auto scalars = [&] {
      std::vector<S> host;
      for (std::size_t i = 0; i < p[l].size(); ++i)
        host.push_back(tangent<S>::make(p[l][i], static_cast<int>(l) == leaf && static_cast<int>(i) == element));
      ++l;
      return host;
    };
    for (auto& input : inputs_) input.write(scalars());
    for (const auto& e : layout_->entries()) values_.write(e, std::span<const S>(scalars()));
  }

  template <class T>
  law_arguments<T> arguments(T& t) {
    law_arguments<T> a;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const law_input& in = case_.inputs[i];
      const int* live = in.live >= 0 ? lives_[i].data() : nullptr;
      a.inputs.push_back(t.input({inputs_[i].data(), in.rows, in.width, in.width, live}, in.gradient));
      a.lives.push_back(live);
    }
    for (const auto& i : ints_) a.int_arrays.push_back(i.data());
    for (std::size_t i = 0; i < layouts_.size(); ++i) {
      const law_layout& l = case_.layouts[i];
      a.layouts.push_back(l.uniform ? blip::sequence_layout::uniform(l.sequences(), l.lengths[0]) : layouts_[i].view());
    }
    return a;
  }

  static int live_rows(const blip::matrix_view<const S>& m) {
    if (!m.live) return m.rows;
    int live = 0;
    blip::memory<B>::copy_out(&live, m.live, sizeof live);
    return std::min(live, m.rows);
  }
  // The rows in use, as doubles; says whether the others hold nothing but what poison or zeroing left.
  static numbers live_part(const blip::matrix_view<const S>& m, bool& untouched) {
    const std::vector<S> host = blip::to_host<B>(m);
    const auto used = static_cast<std::size_t>(live_rows(m)) * static_cast<std::size_t>(m.width);
    numbers v;
    for (std::size_t i = 0; i < host.size(); ++i)
      if (i < used)
        v.push_back(tangent<S>::value(host[i]));
      else if (const double x = tangent<S>::value(host[i]); !std::isnan(x) && x != 0)
        untouched = false;
    return v;
  }
  void read(const blip::tensor<B>& y, law_result& r) {
    r.rows = y->value.rows, r.width = y->value.width, r.live = live_rows(y->value);
    r.y = live_part(y->value, r.unused_rows_untouched);
    if constexpr (!std::is_floating_point_v<S>)
      for (const S& x : blip::to_host<B>(blip::matrix_view<const S>(y->value)))
        r.y_tangent.push_back(tangent<S>::derivative(x));
  }

  law_case case_;
  Forward forward_;
  module_type module_;
  std::shared_ptr<const blip::arena_layout> layout_;
  blip::arena<B> values_;
  blip::device<B> device_;
  std::vector<blip::buffer<B, S>> inputs_;
  std::vector<blip::buffer<B, int>> lives_, ints_;
  std::vector<blip::packed_layout<B>> layouts_;
};

// The same with gradients.
template <class B, class Make, class Forward>
class law_bench final : public law_inference<B, Make, Forward> {
  using base = law_inference<B, Make, Forward>;
  using S = typename B::scalar;

 public:
  law_bench(const law_case& c, Make make, Forward forward, typename B::options options)
      : base(c, std::move(make), std::move(forward), options), gradients_(this->layout_) {}

  law_result infer(const law_point& p, int leaf, int element) override {
    if (leaf < 0) poison(this->device_);
    return base::infer(p, leaf, element);
  }

  law_result record(const law_point& p, const numbers& dy, law_mode mode) override {
    this->load(p, -1, 0);
    poison(this->device_);
    gradients_.clear();
    for (const auto& e : this->layout_->entries())
      gradients_.values().write(e, std::vector<S>(static_cast<std::size_t>(e.size()), static_cast<S>(nan)));
    if (mode == law_mode::run_twice) run(dy, false);
    return run(dy, mode == law_mode::used_twice);
  }

 private:
  law_result run(const numbers& dy, bool used_twice) {
    law_result r;
    blip::recording_tape<B> t(this->device_, this->values_, gradients_, this->case_.tape);
    const auto a = this->arguments(t);
    {
      const auto forward = [&] { return base::in_step([&] { return this->forward_(t, this->module_, a); }); };
      blip::tensor<B> y = forward();
      this->read(y, r);
      if (used_twice) y = blip::ops::residual(t, y, forward(), {}, {});
      std::vector<S> host(dy.begin(), dy.end());
      host.resize(static_cast<std::size_t>(r.rows) * static_cast<std::size_t>(r.width), static_cast<S>(nan));
      const blip::buffer<B, S> seed{std::span<const S>(host)};
      [[maybe_unused]] const step_of<B> step;
      t.backward(blip::scores<blip::recording_tape<B>>(y), {seed.data(), r.rows, r.width, r.width, nullptr});
    }
    for (const auto& x : a.inputs) {
      const auto g = t.gradient_of(blip::scores<blip::recording_tape<B>>(x));
      r.gradients.push_back(g.data ? this->live_part(g, r.unused_rows_untouched) : numbers{});
    }
    for (std::size_t e = 0; e < this->layout_->entries().size(); ++e) {
      r.gradients.emplace_back();
      if (!gradients_.touched(static_cast<int>(e))) continue;
      for (const S x : gradients_.values().read(this->layout_->entries()[e]))
        r.gradients.back().push_back(static_cast<double>(x));
    }
    return r;
  }

  blip::gradients<B> gradients_;
};

}  // namespace blip_test
