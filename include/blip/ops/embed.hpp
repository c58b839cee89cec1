// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI::ops {

// Which tables an embedding sums up, and which word is padding.
struct embedding_tables {
  const parameter* words = nullptr;      // [V, W]
  const parameter* positions = nullptr;  // [P, W]; null: none
  const parameter* kind = nullptr;       // [1, W], added to every row (BERT's token type 0); null: none
  int padding = -1;                      // this word's row gets no gradient from look-ups (padding_idx)
};

// y_r = words[ids_r] + positions[position of r] + kind.  ids [layout.rows] in back-end memory, y [n, W].
// Ids must be smaller than V and positions smaller than P: whoever reads them from outside checks. Gradients add.
template <int W, class T, class B = typename T::backend_type>
var<T, W> embed(T& t, const int* ids, const sequence_layout& layout, const embedding_tables& tables) {
  using view = matrix_view<const typename B::scalar>;
  const auto value = [&t](const parameter* p) { return p ? t.value(*p) : view{}; };
  const auto trains = [&t](const parameter* p) { return p && t.trains(*p); };
  require_equal("ops::embed", "columns of the word table", tables.words->cols(), W);
  tensor<B> y = t.make(layout.rows, W, layout.live, trains(tables.words) || trains(tables.positions) || trains(tables.kind));
  if (layout.gaps) memory<B>::zero(y->value.data, y->bytes());
  kernels<B>::embed(t.device(), ids, layout, value(tables.words), value(tables.positions), value(tables.kind), y->value);
  if constexpr (T::records)
    t.record(y, [ids, layout, tables](T& on, view dy) {
      const auto gradient = [&on](const parameter* p) {
        return p ? on.zeroed_gradient(*p) : gradient_view<typename B::scalar>{};
      };
      kernels<B>::embed_vjp(on.device(), ids, layout, tables.padding, dy, gradient(tables.words),
                            gradient(tables.positions), gradient(tables.kind));
    });
  return var<T, W>(std::move(y));
}

}  // namespace blip::inline BLIP_ABI::ops
