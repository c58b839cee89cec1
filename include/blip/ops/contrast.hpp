// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// What queries are contrasted with: rows that get no gradient, ids of all three, the teacher. All in back-end memory that
// outlives the tape's backward pass, or kept by `batch` and `teacher`.
template <class B>
struct contrast_keys {
  tensor<B> batch;                                        // [m, W] features of the batch
  matrix_view<const typename B::scalar> queue{};          // [K, W] features of earlier batches
  tensor<B> teacher{};                                    // [n, W] momentum features of the queries, or none
  double alpha = 0;                                       // weight of the teacher's distribution
  int first = 0;                                          // without ids: query r's positive is batch row first + r
  const int *query_ids = nullptr, *batch_ids = nullptr, *queue_ids = nullptr;
};

// One direction of the contrastive loss, per row:
//   y_r = sum_c q_rc (lse_r - s_rc),  s = x [batch; queue]^T / temperature,
//   q = alpha softmax(teacher [batch; queue]^T / temperature) + (1 - alpha) (1 / positives at each positive).
// x [n, W] normalised features, temperature [1], y [n, 1]. Gradients of x and the temperature add; none reaches the keys,
// the queue and the teacher. Scores are streamed: no [n, m + K] matrix exists. Keeps the inputs and two numbers per row.
// Source: ALBEF section 3.2 and 3.3 (momentum distillation), MoCo's queue.
template <class T, int W, class B = typename T::backend_type>
var<T, 1> contrast(T& t, const var<T, W>& x, const contrast_keys<B>& keys, const parameter& temperature) {
  using S = typename B::scalar;
  using view = matrix_view<const S>;
  require_equal("ops::contrast", "width of the keys", keys.batch->value.width, W);
  if (keys.queue.rows > 0) require_equal("ops::contrast", "width of the queue", keys.queue.width, W);
  if (keys.teacher) require_equal("ops::contrast", "rows of the teacher", keys.teacher->value.rows, x.rows());
  const auto inputs = [](view queries, const contrast_keys<B>& k, view tau) {
    return contrast_inputs<S>{queries, k.teacher ? view(k.teacher->value) : view{}, k.batch->value, k.queue, tau,
                              k.query_ids, k.batch_ids, k.queue_ids, k.first, k.alpha};
  };
  tensor<B> y = t.make(x.rows(), 1, nullptr, x.ref()->needs_gradient || t.trains(temperature));
  tensor<B> stats = t.make(x.rows(), 2, nullptr, false);
  kernels<B>::contrast(t.device(), inputs(x.view(), keys, t.value(temperature)), y->value, stats->value);
  if constexpr (T::records)
    t.record(y, [x, gx = sink_of<B>(x.ref()), keys, inputs, stats, &temperature](T& on, view dy) {
      kernels<B>::contrast_vjp(on.device(), inputs(x.view(), keys, on.value(temperature)), stats->value, dy,
                               on.gradient(gx), on.gradient(temperature));
    });
  return var<T, 1>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
