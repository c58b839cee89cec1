// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// s = x y^T / temperature.  x [n, W], y [m, W], temperature [1] or null (1), s [n, m].
// Gradients of x, y and the temperature add. Keeps x, y and s.
template <class T, class U, int W, int K, class B = typename T::backend_type>
scores<T> similarity(T& t, const var<T, W>& x, const var<U, K>& y, const parameter* temperature = nullptr) {
  static_assert(same_tape<U, T>());
  static_assert(same_width<K, W>());
  using view = matrix_view<const typename B::scalar>;
  const bool needs = x.ref()->needs_gradient || y.ref()->needs_gradient || (temperature && t.trains(*temperature));
  tensor<B> s = t.make(x.rows(), y.rows(), x.ref()->value.live, needs);
  kernels<B>::similarity(t.device(), x.view(), y.view(), temperature ? t.value(*temperature) : view{}, s->value);
  if constexpr (T::records)
    t.record(s, [x, y, s, gx = sink_of<B>(x.ref()), gy = sink_of<B>(y.ref()), temperature](T& on, view ds) {
      using grad = gradient_view<typename B::scalar>;
      const view tau = temperature ? on.value(*temperature) : view{};
      const grad dtau = temperature ? on.gradient(*temperature) : grad{};
      if (gx && gx.get() == gy.get()) {  // x y^T with x = y: two contributions to one matrix
        kernels<B>::similarity_vjp(on.device(), x.view(), y.view(), tau, s->value, ds, on.gradient(gx), {}, dtau);
        kernels<B>::similarity_vjp(on.device(), x.view(), y.view(), tau, s->value, ds, {}, on.gradient(gy), {});
        return;
      }
      kernels<B>::similarity_vjp(on.device(), x.view(), y.view(), tau, s->value, ds, on.gradient(gx), on.gradient(gy),
                                 dtau);
    });
  return scores<T>(std::move(s));
}

}  // namespace blip::inline BLIP_ABI::ops
