// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <mutex>
#include <stdexcept>

#include "blip/backend/reference.hpp"

// A back end whose memory no one but its own kernels may touch: pages are inaccessible outside of them, and nothing may
// be copied back to the host while a step of the thread runs. What is right here does not peek at device memory on a GPU.
// Several threads may use it: a gate that one opens is open for all.
namespace blip_test {

struct fenced {
  using scalar = double;
  struct options {};
};

class fence {
 public:
  // Opens the memory for a scope.
  class gate {
   public:
    gate() { shared().open(1); }
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;
    ~gate() { shared().open(-1); }
  };
  // A step of training or inference: copying to the host throws.
  class step {
   public:
    step() { ++steps_; }
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    ~step() { --steps_; }
  };

  static fence& shared() {
    static fence one;
    return one;
  }

  void* allocate(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t size = (bytes + page - 1) / page * page;
    if (used_ + size > reserved) throw std::bad_alloc();
    void* p = base_ + used_;
    used_ += size;
    ++blocks_;
    if (opened_ > 0) protect(PROT_READ | PROT_WRITE);
    return p;
  }
  // Memory is used again when all of it is free: the laws run thousands of small devices one after the other.
  void deallocate() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--blocks_ > 0) return;
    protect(PROT_NONE);
    used_ = 0;
  }
  void require_no_step() const {
    if (steps_ > 0) throw std::logic_error("fenced: a value was asked back in the middle of a step");
  }

 private:
  static constexpr std::size_t page = 4096, reserved = std::size_t{8} << 30;

  fence() : base_(static_cast<char*>(::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (base_ == MAP_FAILED) throw std::bad_alloc();
  }
  void protect(int how) { ::mprotect(base_, used_, how); }
  void open(int by) {
    const std::lock_guard<std::mutex> lock(mutex_);
    opened_ += by;
    if (opened_ == (by > 0 ? 1 : 0)) protect(by > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
  }

  char* base_;
  std::mutex mutex_;
  std::size_t used_ = 0;
  int opened_ = 0, blocks_ = 0;
  static inline thread_local int steps_ = 0;
};

// What surrounds a forward and a backward pass in the laws.
template <class B>
struct step_of {};
template <>
struct step_of<fenced> : fence::step {};

// Kernel F of the reference back end, behind an open gate.
template <auto F>
struct gated;
template <class... A, void (*F)(blip::device<blip::reference<double>>&, A...)>
struct gated<F> {
  static void call(blip::device<fenced>&, A... arguments) {
    static thread_local blip::device<blip::reference<double>> host;
    const fence::gate open;
    F(host, arguments...);
  }
};

}  // namespace blip_test

namespace blip::inline BLIP_ABI {

template <>
struct memory<blip_test::fenced> {
  using fence = blip_test::fence;

  static void* allocate(std::size_t bytes) { return bytes == 0 ? nullptr : fence::shared().allocate(bytes); }
  static void deallocate(void* p, std::size_t) noexcept {
    if (p) fence::shared().deallocate();
  }
  static void copy_in(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  static void copy_out(void* to, const void* from, std::size_t bytes) {
    fence::shared().require_no_step();
    copy(to, from, bytes);
  }
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    const fence::gate open;
    std::memcpy(to, from, bytes);
  }
  static void zero(void* p, std::size_t bytes) {
    if (bytes == 0) return;
    const fence::gate open;
    std::memset(p, 0, bytes);
  }
};

template <>
inline constexpr bool has_kernels<blip_test::fenced> = true;

template <>
struct kernels<blip_test::fenced> {
  using R = kernels<reference<double>>;
#define BLIP_GATED(name) static constexpr auto name = &blip_test::gated<&R::name>::call
  BLIP_GATED(affine);
  BLIP_GATED(affine_vjp);
  BLIP_GATED(activate);
  BLIP_GATED(layer_norm);
  BLIP_GATED(layer_norm_vjp);
  BLIP_GATED(attention);
  BLIP_GATED(attention_vjp);
  BLIP_GATED(embed);
  BLIP_GATED(embed_vjp);
  BLIP_GATED(patchify);
  BLIP_GATED(patchify_vjp);
  BLIP_GATED(tokens);
  BLIP_GATED(tokens_vjp);
  BLIP_GATED(resize_positions);
  BLIP_GATED(resize_positions_vjp);
  BLIP_GATED(residual);
  BLIP_GATED(residual_vjp);
  BLIP_GATED(scale);
  BLIP_GATED(scale_vjp);
  BLIP_GATED(gather_rows);
  BLIP_GATED(gather_rows_vjp);
  BLIP_GATED(scatter_rows);
  BLIP_GATED(scatter_rows_vjp);
  BLIP_GATED(copy_columns);
  BLIP_GATED(copy_columns_vjp);
  BLIP_GATED(l2_normalize);
  BLIP_GATED(l2_normalize_vjp);
  BLIP_GATED(similarity);
  BLIP_GATED(similarity_vjp);
  BLIP_GATED(cross_entropy);
  BLIP_GATED(cross_entropy_vjp);
  BLIP_GATED(soft_cross_entropy);
  BLIP_GATED(soft_cross_entropy_vjp);
  BLIP_GATED(contrast);
  BLIP_GATED(contrast_vjp);
  BLIP_GATED(sample_negatives);
  BLIP_GATED(matching_pairs);
  BLIP_GATED(gather_ints);
  BLIP_GATED(assign_pairs);
  BLIP_GATED(clamp);
  BLIP_GATED(weighted_sum);
  BLIP_GATED(weighted_sum_vjp);
  BLIP_GATED(mean_labelled);
  BLIP_GATED(mean_labelled_vjp);
  BLIP_GATED(adamw);
  BLIP_GATED(squared_norm);
  BLIP_GATED(ema);
#undef BLIP_GATED
};

static_assert(kernel_set<blip_test::fenced>);

}  // namespace blip::inline BLIP_ABI
