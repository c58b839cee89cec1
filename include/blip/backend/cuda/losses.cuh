// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/losses.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

// One block for each row of logits, which is as long as the vocabulary. Sums are taken of the distances from the row's
// largest logit, so that a loss near 0 keeps its digits.
struct classes {
  in logits;
  const int* labels;
  float smoothing;
  in teacher;
  float alpha;

  __device__ float of_label(int c, int label) const {
    return (c == label ? 1.0f - smoothing : 0.0f) + smoothing / static_cast<float>(logits.width);
  }
  // What the softmax of a labelled row should be: label, smoothing and teacher mixed.
  __device__ float target(int r, int c, int label, float teacher_lse) const {
    const float hard = of_label(c, label);
    return teacher.data ? (1.0f - alpha) * hard + alpha * expf(teacher(r, c) - teacher_lse) : hard;
  }
};

__device__ inline float largest_of_row(in x, int r) {
  float top = x(r, 0);
  for (int c = thread(); c < x.width; c += threads()) top = most(top, x(r, c));
  return block_most(top);
}

template <int Unused>
__global__ void class_loss(classes k, out loss, out lse) {
  const int r = block_x();
  if (r >= in_use(k.logits.rows, k.logits.live)) return;
  const int label = k.labels[r];
  const float top = largest_of_row(k.logits, r);
  float mass = 0, all = 0;
  for (int c = thread(); c < k.logits.width; c += threads()) {
    const float z = k.logits(r, c) - top;
    mass += expf(z), all += z;
  }
  mass = block_sum(mass), all = block_sum(all);
  const float log_mass = logf(mass);
  float soft = 0;
  if (k.teacher.data) {
    const float teacher_top = largest_of_row(k.teacher, r);
    float teacher_mass = 0, weighted = 0;
    for (int c = thread(); c < k.logits.width; c += threads()) {
      const float e = expf(k.teacher(r, c) - teacher_top);
      teacher_mass += e, weighted += e * (k.logits(r, c) - top);
    }
    teacher_mass = block_sum(teacher_mass), weighted = block_sum(weighted);
    soft = log_mass - weighted / teacher_mass;
    if (thread() == 0) lse(r, 1) = teacher_top + logf(teacher_mass);
  }
  if (thread() != 0) return;
  lse(r, 0) = top + log_mass;
  if (label < 0) {
    loss(r, 0) = 0;
    return;
  }
  const float from_label = log_mass - (k.logits(r, label) - top);
  const float from_all = log_mass - all / static_cast<float>(k.logits.width);
  const float hard = (1.0f - k.smoothing) * from_label + (k.smoothing > 0 ? k.smoothing * from_all : 0.0f);
  loss(r, 0) = k.teacher.data ? (1.0f - k.alpha) * hard + k.alpha * soft : hard;
}

struct class_gradient {
  classes k;
  in lse, dloss;
  grad dlogits;
  template <int V>
  __device__ void at(int r, int c) const {
    const int label = k.labels[r];
    pack<V> a{};
    if (label >= 0) {
      a = load<V>(k.logits.row(r) + c);
      const float log_mass = lse(r, 0), teacher_lse = k.teacher.data ? lse(r, 1) : 0.0f, seed = dloss(r, 0);
      for (int i = 0; i < V; ++i) a.v[i] = seed * (expf(a.v[i] - log_mass) - k.target(r, c + i, label, teacher_lse));
    }
    put<V>(dlogits, r, c, a);
  }
};

template <int Unused>
__global__ void distribution_loss(in logits, in targets, out loss, out lse) {
  const int r = block_x();
  if (r >= in_use(logits.rows, logits.live)) return;
  const float top = largest_of_row(logits, r);
  float mass = 0;
  for (int c = thread(); c < logits.width; c += threads()) mass += expf(logits(r, c) - top);
  const float log_mass = logf(block_sum(mass));
  float sum = 0;
  for (int c = thread(); c < logits.width; c += threads()) sum += targets(r, c) * (log_mass - (logits(r, c) - top));
  sum = block_sum(sum);
  if (thread() == 0) loss(r, 0) = sum, lse(r, 0) = top + log_mass;
}

template <int Unused>
__global__ void distribution_gradient(in logits, in targets, in lse, in dloss, grad dlogits) {
  const int r = block_x();
  if (r >= in_use(logits.rows, logits.live)) return;
  float mass = 0;
  for (int c = thread(); c < logits.width; c += threads()) mass += targets(r, c);
  mass = block_sum(mass);
  for (int c = thread(); c < logits.width; c += threads())
    dlogits.put(r, c, dloss(r, 0) * (mass * expf(logits(r, c) - lse(r, 0)) - targets(r, c)));
}

struct weighted_terms {
  in x, weights;
  __device__ void add(std::int64_t i, float* sums) const {
    const int r = static_cast<int>(i / x.width), c = static_cast<int>(i % x.width);
    if (r < in_use(x.rows, x.live)) sums[0] += weights.data ? weights(r, c) * x(r, c) : x(r, c);
  }
};
struct one_number {
  out y;
  __device__ void put(const float* sums) const { y(0, 0) = sums[0]; }
};
struct weighted_gradient {
  in dy, weights;
  grad dx;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a;
    for (int i = 0; i < V; ++i) a.v[i] = weights.data ? dy(0, 0) * weights(r, c + i) : dy(0, 0);
    put<V>(dx, r, c, a);
  }
};

// The sum over labelled rows, and how many there are. At least one: a batch without any label has the loss 0.
struct labelled_terms {
  in x;
  const int* labels;
  __device__ void add(std::int64_t i, float* sums) const {
    const int r = static_cast<int>(i);
    if (r >= in_use(x.rows, x.live) || (labels && labels[r] < 0)) return;
    sums[0] += x.data ? x(r, 0) : 0.0f;
    sums[1] += 1.0f;
  }
};
struct labelled_mean {
  out y;
  __device__ void put(const float* sums) const { y(0, 0) = sums[0] / most(sums[1], 1.0f); }
};
struct labelled_share {
  in dy;
  float* to;
  __device__ void put(const float* sums) const { *to = dy(0, 0) / most(sums[1], 1.0f); }
};
struct labelled_gradient {
  const float* share;
  const int* labels;
  grad dx;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a;
    for (int i = 0; i < V; ++i) a.v[i] = !labels || labels[r] >= 0 ? *share : 0.0f;
    put<V>(dx, r, c, a);
  }
};

inline constexpr int row_threads = 256;
inline int threads_for(int width) { return width >= row_threads ? row_threads : ceiling(width, lanes) * lanes; }

}  // namespace gpu

extern "C" {

void blip_cuda_cross_entropy(device<cuda>&, matrix_view<const float> logits, const int* labels, double smoothing,
                             matrix_view<const float> teacher, double alpha, matrix_view<float> loss,
                             matrix_view<float> lse) {
  const gpu::classes k{logits, labels, static_cast<float>(smoothing), teacher, static_cast<float>(alpha)};
  gpu::launch(&gpu::class_loss<0>, gpu::grid_of(logits.rows), gpu::threads_for(logits.width),
              gpu::lanes * sizeof(float), k, loss, lse);
}
void blip_cuda_cross_entropy_vjp(device<cuda>&, matrix_view<const float> logits, const int* labels, double smoothing,
                                 matrix_view<const float> teacher, double alpha, matrix_view<const float> lse,
                                 matrix_view<const float> dloss, gradient_view<float> dlogits) {
  if (!dlogits) return;
  const gpu::classes k{logits, labels, static_cast<float>(smoothing), teacher, static_cast<float>(alpha)};
  gpu::each(gpu::class_gradient{k, lse, dloss, dlogits}, logits.rows, logits.live, logits.width,
            gpu::four_wide(logits, dlogits));
}

void blip_cuda_soft_cross_entropy(device<cuda>&, matrix_view<const float> logits, matrix_view<const float> targets,
                                  matrix_view<float> loss, matrix_view<float> lse) {
  gpu::launch(&gpu::distribution_loss<0>, gpu::grid_of(logits.rows), gpu::threads_for(logits.width),
              gpu::lanes * sizeof(float), logits, targets, loss, lse);
}
void blip_cuda_soft_cross_entropy_vjp(device<cuda>&, matrix_view<const float> logits, matrix_view<const float> targets,
                                      matrix_view<const float> lse, matrix_view<const float> dloss,
                                      gradient_view<float> dlogits) {
  if (!dlogits) return;
  gpu::launch(&gpu::distribution_gradient<0>, gpu::grid_of(logits.rows), gpu::threads_for(logits.width),
              gpu::lanes * sizeof(float), logits, targets, lse, dloss, dlogits);
}

void blip_cuda_weighted_sum(device<cuda>& d, matrix_view<const float> x, matrix_view<const float> weights,
                            matrix_view<float> y) {
  gpu::sum_all<float, 1>(d, gpu::weighted_terms{x, weights}, gpu::one_number{y}, std::int64_t{x.rows} * x.width);
}
void blip_cuda_weighted_sum_vjp(device<cuda>&, matrix_view<const float> dy, matrix_view<const float> weights,
                                gradient_view<float> dx) {
  if (dx) gpu::each(gpu::weighted_gradient{dy, weights, dx}, dx.rows, dx.live, dx.width, gpu::four_wide(dx));
}

void blip_cuda_mean_labelled(device<cuda>& d, matrix_view<const float> x, const int* labels, matrix_view<float> y) {
  gpu::sum_all<float, 2>(d, gpu::labelled_terms{x, labels}, gpu::labelled_mean{y}, x.rows);
}
void blip_cuda_mean_labelled_vjp(device<cuda>& d, matrix_view<const float> dy, const int* labels,
                                 gradient_view<float> dx) {
  if (!dx) return;
  const scratch<cuda, float> share(d, 1);
  const matrix_view<const float> counted{nullptr, dx.rows, 1, 1, dx.live};
  gpu::sum_all<float, 2>(d, gpu::labelled_terms{counted, labels}, gpu::labelled_share{dy, share.data()}, dx.rows);
  gpu::each(gpu::labelled_gradient{share.data(), labels, dx}, dx.rows, dx.live, dx.width, gpu::four_wide(dx));
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
