// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/types.hpp"
#include "blip/core/backend.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

template <class B>
inline constexpr bool has_kernels = false;  // a back end's header specialises it

// How many rows of a wide intermediate (an MLP's hidden ones) a back end likes to see at a time; 0: all.
template <class B>
inline constexpr int rows_at_a_time = 0;

// The kernels of a back end: static functions on views and plain numbers. They know no configuration. The contract, for
// S the scalar; a `_vjp` is the pullback of its namesake, adds to gradient views as gradient_view says, and skips views
// whose data is null. All pointers are back-end memory. Only live rows are read or written.
//
//   affine(d, x [n, in], w [out, in], b [out] | null, act, y [n, out], pre [n, out] | null)
//       y = act(x w^T + b); `pre` receives x w^T + b when the pullback will need it (act other than none).
//   affine_vjp(d, x, w, act, pre, dy, dx, dw, db)
//   affine_norm(d, h [n, in], w [out, in], b [out] | null, act, x [n, out] | null data, gamma, beta, eps, y [n, out])
//       y = layer_norm(x + act(h w^T + b)), for at most few_rows rows, with the bits of affine, residual and layer_norm;
//       optional, with the constant few_rows
//   pack_weight(d, w [out, in], to [packed_weight_bytes(d, out, in)])          as products read it fastest; 0 bytes: plain; optional
//   layer_norm(d, x [n, W], gamma, beta, eps, y, stats [n, 2] | null)          y = gamma (x - mean) / sqrt(var + eps) + beta
//   layer_norm_vjp(d, x, gamma, stats, dy, dx, dgamma, dbeta)                  stats: mean, 1 / sqrt(var + eps)
//   attention(d, q [n, W], k [m, W], v [m, W], ql, kl, source, spec, y [n, W], lse [n, heads] | null)
//       y_i = sum_j p_ij v_j, p = softmax(scale q k^T) over the keys of the source sequence; lse: log of the softmax's sum
//       With spec.packed_keys k begins where pack_keys wrote, and v is not read.
//   attention_vjp(d, q, k, v, ql, kl, source, spec, y, lse, dy, dq, dk, dv)
//   attention_appending(d, qkv [n, 3 W], places [n], cache [m, 2 W], ql, kl, spec, y [n, W])   optional
//       scatter_rows of columns W ... of qkv into the cache, then attention of columns 0 ... W - 1 over it, sequence by sequence
//   pack_keys(d, k, v, kl, heads, to [packed_keys_size(d, kl, heads, W)])        as attention reads them fastest; of size 0:
//       there is no such form for these heads, and attention does not ask for it; optional
//   embed(d, ids [n], layout, words [V, W], positions [P, W] | null, kind [W] | null, y [n, W])
//       y_r = words[ids_r] + positions[position of r] + kind
//   embed_vjp(d, ids, layout, padding, dy, dwords, dpositions, dkind)          the word `padding` gets no gradient
//   patchify(d, pixels [B, C H W], geometry, y [B N, C p p]) and patchify_vjp(d, dy, geometry, dpixels)
//   tokens(d, x [S n, W], first [W] | null, positions [P, W], sequences, y)
//       every sequence gets `first` in front (if given), then the position table is added
//   tokens_vjp(d, dy, sequences, dx, dfirst, dpositions)
//   resize_positions(d, table, from, to, y) and resize_positions_vjp(d, dy, from, to, dtable)
//       bicubic (Keys, a = -0.75), half-pixel centres, border clamped, no antialias; prefix rows kept
//   residual(d, x [n, W] | null data, branch [n, W], layout, dropout, y)       y = x + dropout(branch)
//   residual_vjp(d, dy, layout, dropout, dx, dbranch)
//   activate(d, x, act, y)                                                     y = act(x), as affine computes it
//   narrow(d, x [n, W], y [n, (W + 1) / 2]) and widen(d, y, x)                 to pairs of bf16 and back; optional, with
//       narrows(d): whether products are in bf16, so that what their pullbacks read may be
//   scale(d, x, factor, y) and scale_vjp(d, dy, factor, dx)
//   gather_rows(d, x, index [n], y)                                            y_r = x[index_r]; a negative index gives zeros
//   gather_rows_vjp(d, index, dy, dx)                                          dx comes zeroed
//   scatter_rows(d, x [n, W], index [n], y) and scatter_rows_vjp(d, index, dy, dx)   y[index_r] = x_r; others untouched; negative: skip
//   copy_columns(d, x [n, W], y [n, W])                                        views may be column ranges of wider matrices
//   copy_columns_vjp(d, dy, dx)
//   l2_normalize(d, x, y, norms [n] | null) and l2_normalize_vjp(d, y, norms, dy, dx)   y = x / max(|x|, 1e-12)
//   similarity(d, x [n, W], y [m, W], temperature | null, s [n, m])            s = x y^T / temperature
//   similarity_vjp(d, x, y, temperature, s, ds, dx, dy, dtemperature)
//   cross_entropy(d, logits [n, V], labels [n], smoothing, teacher [n, V] | null, alpha, loss [n, 1], lse [n, 1 or 2])
//       hard_r = lse_r - (1 - eps) l_{r,label} - eps mean_c l_{r,c}; rows with a negative label: 0
//       loss_r = hard_r, or with a teacher (1 - alpha) hard_r + alpha (lse_r - sum_c softmax(teacher_r)_c l_{r,c})
//   cross_entropy_vjp(d, logits, labels, smoothing, teacher, alpha, lse, dloss, dlogits)
//   soft_cross_entropy(d, logits, targets [n, V], loss, lse) and soft_cross_entropy_vjp(d, logits, targets, lse, dloss, dlogits)
//       loss_r = sum_c targets_rc (lse_r - l_rc); no gradient reaches the targets
//   contrast(d, inputs, loss [n, 1], stats [n, 2]) and contrast_vjp(d, inputs, stats, dloss, dqueries, dtemperature)
//       loss_r = sum_c y_rc (lse_r - s_rc), s = queries keys^T / temperature, y = alpha softmax(teacher keys^T / temperature)
//       + (1 - alpha) / number of positives at each positive; scores are streamed. stats: lse, the teacher's lse
//   sample_negatives(d, scores [n, m], rule, site, index [draws, n])           categorical draws from w of negative_rule
//   matching_pairs(d, texts, first, B, negative_image [B], negative_text [B], arrays)   see pair_arrays; text b is first + b
//   gather_ints(d, values, index [n], n, live | null, y [n])                   y_i = values[index_i]
//   assign_pairs(d, labels [n], negatives [2, n], n, pictures [2, n])          see ops::assign_pairs
//   best_tokens(d, logits [n, V], k, best [n, k], tokens [n, k], log_sums [n])   the k largest of each row, of equal ones the
//       first, and log sum_c exp(l_rc) in fp64; optional
//   clamp(d, x, low, high)                                                     in place
//   weighted_sum(d, x [n, W], weights [n, W] | null, y [1, 1]) and weighted_sum_vjp(d, dy, weights, dx)
//   mean_labelled(d, x [n, 1], labels [n] | null, y [1, 1])                    mean over the rows whose label is not negative
//   mean_labelled_vjp(d, dy, labels, dx)
//   adamw(d, pieces, gradient, value, first, second)                           decoupled weight decay, then Adam, of the pieces
//       of four arrays that are as long as an arena; pieces begin at multiples of 16 and do not overlap
//   squared_norm(d, n, x [n], y [1])                                           y = sum_i x_i^2, summed and given in fp64
//   ema(d, n, momentum, value [n], target [n])                                 target = momentum target + (1 - momentum) value
template <backend B>
struct kernels {
  static_assert(has_kernels<B>, "blip::kernels: this back end has no kernels; include blip/backend/<name>.hpp first");
};

// Whether a back end provides every kernel (names only; signatures are checked where ops call them).
template <class B>
concept kernel_set = requires {
  &kernels<B>::affine, &kernels<B>::affine_vjp, &kernels<B>::activate, &kernels<B>::layer_norm, &kernels<B>::layer_norm_vjp;
  &kernels<B>::attention, &kernels<B>::attention_vjp, &kernels<B>::embed, &kernels<B>::embed_vjp;
  &kernels<B>::patchify, &kernels<B>::patchify_vjp, &kernels<B>::tokens, &kernels<B>::tokens_vjp;
  &kernels<B>::resize_positions, &kernels<B>::resize_positions_vjp, &kernels<B>::residual, &kernels<B>::residual_vjp;
  &kernels<B>::scale, &kernels<B>::scale_vjp, &kernels<B>::gather_rows, &kernels<B>::gather_rows_vjp;
  &kernels<B>::scatter_rows, &kernels<B>::scatter_rows_vjp, &kernels<B>::copy_columns, &kernels<B>::copy_columns_vjp;
  &kernels<B>::l2_normalize, &kernels<B>::l2_normalize_vjp, &kernels<B>::similarity, &kernels<B>::similarity_vjp;
  &kernels<B>::cross_entropy, &kernels<B>::cross_entropy_vjp, &kernels<B>::contrast, &kernels<B>::contrast_vjp;
  &kernels<B>::sample_negatives, &kernels<B>::matching_pairs, &kernels<B>::gather_ints, &kernels<B>::clamp;
  &kernels<B>::assign_pairs;
  &kernels<B>::soft_cross_entropy, &kernels<B>::soft_cross_entropy_vjp;
  &kernels<B>::weighted_sum, &kernels<B>::weighted_sum_vjp, &kernels<B>::mean_labelled, &kernels<B>::mean_labelled_vjp, &kernels<B>::adamw;
  &kernels<B>::squared_norm, &kernels<B>::ema;
};

}  // namespace blip::inline BLIP_ABI
