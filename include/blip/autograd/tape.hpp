// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "blip/autograd/var.hpp"
#include "blip/core/arena.hpp"
#include "blip/core/philox.hpp"

namespace blip::inline BLIP_ABI {

struct tape_options {
  bool stochastic = false;  // dropout and drop-path; independent of recording
  std::uint64_t seed = 0;
  std::uint32_t scope = 0;  // see tape::scoped
};

namespace detail {

template <class T>
struct tape_record {
  tape_record* previous;
  void (*replay)(tape_record&, T&);
  void (*destroy)(tape_record&);
  std::size_t bytes;
  sink<typename T::backend_type> out;
};

}  // namespace detail

// Binds a model's structure to arenas and, if it records, keeps one pullback per op. Ops push; `backward` replays in
// strictly reverse order and frees as it goes. Pullbacks hold the tape's address, so it cannot be copied or moved.
template <bool Records, class B>
class tape {
  static_assert(backend<B>, "blip::tape: the second argument must be a back end");

 public:
  static constexpr bool records = Records;
  using backend_type = B;
  using scalar = typename B::scalar;
  using device_type = blip::device<B>;

  tape(device_type& d, const arena<B>& values, tape_options o = {}) : device_(d), values_(values), options_(o) {}
  template <class G>
  tape(device_type& d, const arena<B>& values, gradients<G>& g, tape_options o = {})
      : device_(d), values_(values), gradients_(&g), options_(o) {
    static_assert(Records, "blip::tape: an inference tape takes no gradients; use recording_tape");
  }
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;
  ~tape() {
    while (last_) pop();
  }

  device_type& device() const { return device_; }
  const tape_options& options() const { return options_; }

  // A matrix given from outside (back-end memory that outlives the tape).
  tensor<B> input(matrix_view<const scalar> view, bool needs_gradient = false) {
    node<B>* n = new (device_.records().take(sizeof(node<B>))) node<B>();
    n->value = {const_cast<scalar*>(view.data), view.rows, view.width, view.stride, view.live};
    n->home = &device_;
    n->needs_gradient = Records && needs_gradient;
    return tensor<B>(n);
  }
  template <int W>
  var<tape, W> input(matrix_view<const scalar> view, bool needs_gradient = false) {
    return var<tape, W>(input(view, needs_gradient));
  }

  // The same values, or a part of them, on a node of their own; nothing is copied.
  tensor<B> shown(const tensor<B>& x, matrix_view<const scalar> part) {
    tensor<B> y = input(part, x->needs_gradient && !paused_);
    y->base = x.get();
    x->add_user();
    return y;
  }
  // The same values on a node which needs no gradient.
  tensor<B> detached(const tensor<B>& x) {
    tensor<B> y = shown(x, x->value);
    y->needs_gradient = false;
    return y;
  }

  // --- for ops -------------------------------------------------------------------------------------------------

  // An uninitialised result [rows, width]; it needs a gradient when one of its inputs does.
  tensor<B> make(int rows, int width, const int* live, bool needs_gradient) {
    node<B>* n = new (device_.records().take(sizeof(node<B>))) node<B>();
    n->value = {nullptr, rows, width, width, live};
    n->value.data = static_cast<scalar*>(device_.tensors().take(n->bytes()));
    n->home = &device_;
    n->owns_value = true;
    n->needs_gradient = Records && needs_gradient && !paused_;
    return tensor<B>(n);
  }

  matrix_view<const scalar> value(const parameter& p) const { return values_.view(p); }
  // The same for the weight of a product, which a back end may hold packed.
  weight_view<scalar> weight(const parameter& p) const { return values_.weight(p); }
  bool trains(const parameter& p) const { return Records && !paused_ && gradients_ && gradients_->trains(p); }
  gradient_view<scalar> gradient(const parameter& p) {
    return gradients_ ? gradients_->view(p) : gradient_view<scalar>{};
  }
  gradient_view<scalar> zeroed_gradient(const parameter& p) {
    return gradients_ ? gradients_->zeroed_view(p) : gradient_view<scalar>{};
  }
  // Where to add the gradient of a matrix; null when nobody wants it.
  gradient_view<scalar> gradient(const sink<B>& s) {
    if (!s) return {};
    node<B>& n = *s.get();
    if (!n.gradient) n.gradient = static_cast<scalar*>(device_.tensors().take(n.bytes()));
    return {{n.gradient, n.value.rows, n.value.width, n.value.width, n.value.live}, std::exchange(n.touched, true)};
  }
  gradient_view<scalar> zeroed_gradient(const sink<B>& s) {
    gradient_view<scalar> g = gradient(s);
    if (g && !g.accumulate) {
      memory<B>::zero(g.data, s->bytes());
      g.accumulate = true;
    }
    return g;
  }

  // Keeps `pullback(tape, dy)`, dy [rows, width] the gradient of `out`, if anyone will want it.
  template <class F>
  void record(const tensor<B>& out, F&& pullback) {
    static_assert(Records, "blip::tape: only recording tapes keep pullbacks");
    if (!out->needs_gradient) return;
    using entry = recorded<std::decay_t<F>>;
    last_ = new (device_.records().take(sizeof(entry))) entry{
        {last_, &entry::replay_it, &entry::destroy_it, sizeof(entry), sink<B>(out.get())}, std::forward<F>(pullback)};
  }

  // Says how to compute `y` again: pullbacks that keep it as a `kept` then keep no memory of it. `make(device, to)` must
  // give the same bits; what it captures stays alive as long as they do.
  template <class F>
  void remakes(const tensor<B>& y, F&& make) {
    if (!Records || !y->needs_gradient || y->again) return;
    using entry = remade<std::decay_t<F>>;
    y->again = new (device_.records().take(sizeof(entry)))
        entry{{&entry::make_it, &entry::destroy_it, sizeof(entry)}, std::forward<F>(make)};
  }
  // The value of what a pullback kept, computed again if nobody held on to it.
  tensor<B> value_of(const kept<B>& k) {
    if (tensor<B> there = k.value()) return there;
    node<B>& n = k.of();
    tensor<B> y = make(n.value.rows, n.value.width, n.value.live, false);
    n.again->make(*n.again, device_, y->value);
    return y;
  }

  // Keeps something (index arrays, values of another tape) alive as long as what was recorded so far may need it.
  template <class X>
  void keep(X&& object) {
    using entry = held<std::decay_t<X>>;
    last_ = new (device_.records().take(sizeof(entry)))
        entry{{last_, nullptr, &entry::destroy_it, sizeof(entry), {}}, std::forward<X>(object)};
  }

  // Dropout at `p`, where it is on: the address is the parameter's offset under the scope of the moment.
  dropout_spec dropout(float rate, const parameter& p, float path_rate = 0) const {
    if (!options_.stochastic) return {};
    return {rate, path_rate,
            {options_.seed, device_.step(), mix(options_.scope, static_cast<std::uint32_t>(p.offset() / 16))}};
  }

  // --- for models ----------------------------------------------------------------------------------------------

  // Names a pass ("itm", "momentum"): ops inside draw other random numbers than the same ops outside.
  class scope_guard {
   public:
    scope_guard(tape& t, std::string_view name) : tape_(t), before_(t.options_.scope) {
      for (const char c : name) t.options_.scope = mix(t.options_.scope, static_cast<unsigned char>(c));
    }
    scope_guard(const scope_guard&) = delete;
    scope_guard& operator=(const scope_guard&) = delete;
    ~scope_guard() { tape_.options_.scope = before_; }

   private:
    tape& tape_;
    std::uint32_t before_;
  };
  [[nodiscard]] scope_guard scoped(std::string_view name) { return scope_guard(*this, name); }

  // Computes without recording for the guard's lifetime (block checkpoints, stop-gradient).
  class pause_guard {
   public:
    explicit pause_guard(tape& t) : tape_(t), before_(std::exchange(t.paused_, true)) {}
    pause_guard(const pause_guard&) = delete;
    pause_guard& operator=(const pause_guard&) = delete;
    ~pause_guard() { tape_.paused_ = before_; }

   private:
    tape& tape_;
    bool before_;
  };
  [[nodiscard]] pause_guard paused() { return pause_guard(*this); }
  bool is_paused() const { return paused_; }

  // A tape over the same arenas for replaying a checkpointed block.
  tape nested(std::uint32_t scope)
    requires Records
  {
    return tape(device_, values_, gradients_, {options_.stochastic, options_.seed, scope});
  }

  // Replays everything recorded so far, from `y` with the given gradient (a loss [1, 1]: 1). Sum several losses first.
  template <class V>
  void backward(const V& y, matrix_view<const scalar> seed) {
    static_assert(Records, "blip::tape: backward needs a recording tape");
    require_equal("tape: backward", "rows of the seed", seed.rows, y.rows());
    require_equal("tape: backward", "width of the seed", seed.width, y.ref()->value.width);
    const gradient_view<scalar> g = gradient(sink_of<B>(y.ref()));
    if (!g) return;
    for (int r = 0; r < g.rows; ++r)
      memory<B>::copy(g.row(r), seed.row(r), static_cast<std::size_t>(g.width) * sizeof(scalar));
    replay();
  }
  template <class V>
  void backward(const V& y) {
    if constexpr (requires { typename std::integral_constant<int, V::width>; })
      static_assert(V::width == 1,
                    "blip::tape: backward starts at one number; reduce the loss to [1, 1], or give a seed");
    require_equal("tape: backward without a seed", "rows of the loss", y.rows(), 1);
    backward(y, {device_.one(), 1, 1, 1, nullptr});
  }

  // The gradient that arrived at a matrix given to `input`; empty (null data) when none did.
  template <class V>
  matrix_view<const scalar> gradient_of(const V& x) const {
    const node<B>& n = *x.ref().get();
    if (!n.touched) return {};
    return {n.gradient, n.value.rows, n.value.width, n.value.width, n.value.live};
  }

 private:
  using head = detail::tape_record<tape>;

  template <class F>
  struct recorded : head {
    F pullback;

    static void replay_it(head& h, tape& t) {
      const node<B>& n = *h.out.get();
      static_cast<recorded&>(h).pullback(
          t, matrix_view<const scalar>{n.gradient, n.value.rows, n.value.width, n.value.width, n.value.live});
    }
    static void destroy_it(head& h) { static_cast<recorded&>(h).~recorded(); }
  };
  template <class X>
  struct held : head {
    X object;

    static void destroy_it(head& h) { static_cast<held&>(h).~held(); }
  };
  template <class F>
  struct remade : recipe<B> {
    F body;

    static void make_it(recipe<B>& r, device_type& d, matrix_view<scalar> to) { static_cast<remade&>(r).body(d, to); }
    static void destroy_it(recipe<B>& r) { static_cast<remade&>(r).~remade(); }
  };

  tape(device_type& d, const arena<B>& values, gradients<B>* g, tape_options o)
      : device_(d), values_(values), gradients_(g), options_(o) {}

  void replay() {
    while (last_) {
      if (last_->replay && last_->out->touched) last_->replay(*last_, *this);
      pop();
    }
  }
  void pop() {
    head* h = std::exchange(last_, last_->previous);
    const std::size_t bytes = h->bytes;
    h->destroy(*h);
    device_.records().give(h, bytes);
  }

  device_type& device_;
  const arena<B>& values_;
  gradients<B>* gradients_ = nullptr;
  tape_options options_;
  bool paused_ = false;
  head* last_ = nullptr;
};

template <class B>
using recording_tape = tape<true, B>;
template <class B>
using inference_tape = tape<false, B>;

// A tape on back end B. Layers assert this with a sentence.
template <class T, class B>
concept tape_on = std::same_as<typename T::backend_type, B> && requires { T::records; };

// Fails with a sentence unless T is a tape on back end B.
template <class T, class B>
consteval bool same_back_end() {
  static_assert(tape_on<T, B>, "blip::tape: the tape and the layer are on different back ends");
  return tape_on<T, B>;
}

namespace detail {

template <class X>
inline constexpr bool is_var = false;
template <class T, int W>
inline constexpr bool is_var<var<T, W>> = true;

}  // namespace detail

// Fails with a sentence: what a layer's `forward` for anything but a var on its tape says.
template <class T, class X>
consteval bool accepts() {
  static_assert(detail::is_var<X>, "blip::var: layers take matrices with their width in the type: var<T, W>(x.ref()), or "
                                   "tape::input<W>(view)");
  if constexpr (detail::is_var<X>) static_assert(same_tape<typename X::tape_type, T>());
  return false;
}

}  // namespace blip::inline BLIP_ABI
