// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dnnl.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <tuple>
#include <utility>

#include "blip/backend/cpu/gemm.hpp"
#include "blip/core/error.hpp"
#include "blip/core/parallel_for.hpp"

// What gemm<onednn_engine> asks of oneDNN, through its C interface, because the C++ one on top of it is a header that
// costs more to compile than all of this.
namespace blip::inline BLIP_ABI::onednn_calls {

// oneDNN asks OpenMP how many threads it may use; here always one.
struct one_thread {
#if defined(_OPENMP)
  int before = omp_get_max_threads();
  one_thread() { omp_set_num_threads(1); }
  ~one_thread() { omp_set_num_threads(before); }
#else
  one_thread() {}
#endif
  one_thread(const one_thread&) = delete;
  one_thread& operator=(const one_thread&) = delete;
};

[[noreturn, gnu::cold]] inline void fail(dnnl_status_t status) {
  if (status == dnnl_out_of_memory) throw std::bad_alloc();
  throw device_error({"cpu back end: oneDNN", "success", "status " + std::to_string(status), {}});
}
inline void require(dnnl_status_t status) {
  if (status != dnnl_success) fail(status);
}

// Whether oneDNN may use all of these instructions here.
inline bool may_use(dnnl_cpu_isa_t wanted) { return (dnnl_get_effective_cpu_isa() & wanted) == wanted; }

// oneDNN has kernels for packed weights and for bf16 from AVX-512 on. On what has less it multiplies packed weights by
// plain loops, a hundred times slower, and refuses bf16.
inline bool has_fast_products() {
  static const bool yes = may_use(dnnl_cpu_isa_avx512_core);
  return yes;
}

// What oneDNN made and takes back.
template <class T, dnnl_status_t (*Destroy)(T)>
class handle {
 public:
  handle() = default;
  handle(handle&& other) noexcept : made_(std::exchange(other.made_, nullptr)) {}
  handle& operator=(handle&&) = delete;
  ~handle() {
    if (made_) Destroy(made_);
  }

  T get() const { return made_; }
  T* to() { return &made_; }

 private:
  T made_ = nullptr;
};

// Where oneDNN runs.
struct place {
  handle<dnnl_engine_t, dnnl_engine_destroy> engine;
  handle<dnnl_stream_t, dnnl_stream_destroy> stream;

  place() {
    require(dnnl_engine_create(engine.to(), dnnl_cpu, 0));
    require(dnnl_stream_create(stream.to(), engine.get(), dnnl_stream_default_flags));
  }
};

class memory : public handle<dnnl_memory_t, dnnl_memory_destroy> {
 public:
  memory(const dnnl_memory_desc_t& d, const place& at, const void* data) {
    require(dnnl_memory_create(this->to(), &d, at.engine.get(), const_cast<void*>(data)));
  }
};

inline dnnl_memory_desc_t strided(dnnl_dim_t rows, dnnl_dim_t columns, dnnl_data_type_t type, dnnl_dim_t down,
                                  dnnl_dim_t across) {
  dnnl_memory_desc_t d;
  const dnnl_dims_t sizes = {rows, columns}, strides = {down, across};
  require(dnnl_memory_desc_init_by_strides(&d, 2, sizes, type, strides));
  return d;
}
// [k, 64 columns] with columns innermost, pairs of k together in bf16; a whole number of panels.
inline dnnl_memory_desc_t packed_desc(bool half, int k, int columns) {
  dnnl_memory_desc_t d;
  const dnnl_dims_t sizes = {k, columns};
  require(
      dnnl_memory_desc_init_by_tag(&d, 2, sizes, half ? dnnl_bf16 : dnnl_f32, half ? dnnl_BA16a64b2a : dnnl_BA16a64b));
  return d;
}

struct shape {
  int m, n, k, form;
  bool packed, half;
  std::ptrdiff_t a_stride, b_stride;
  auto operator<=>(const shape&) const = default;
};

struct prepared {
  handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy> description;
  handle<dnnl_primitive_t, dnnl_primitive_destroy> primitive;
  std::size_t scratchpad = 0;

  [[gnu::cold]] prepared(const shape& s, dnnl_engine_t engine) {
    const auto type = s.half ? dnnl_bf16 : dnnl_f32;
    const bool tn = s.form == static_cast<int>(product_form::tn), nt = s.form == static_cast<int>(product_form::nt);
    const auto a = tn ? strided(s.m, s.k, type, 1, s.a_stride) : strided(s.m, s.k, type, s.a_stride, 1);
    const auto b = s.packed ? packed_desc(s.half, s.k, s.n)
                   : nt     ? strided(s.k, s.n, type, 1, s.b_stride)
                            : strided(s.k, s.n, type, s.b_stride, 1);
    const auto c = strided(s.m, s.n, dnnl_f32, s.n, 1);
    dnnl_matmul_desc_t product;
    require(dnnl_matmul_desc_init(&product, &a, &b, nullptr, &c));
    handle<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy> attributes;
    require(dnnl_primitive_attr_create(attributes.to()));
    require(dnnl_primitive_attr_set_scratchpad_mode(attributes.get(), dnnl_scratchpad_mode_user));
    require(dnnl_primitive_desc_create(description.to(), &product, attributes.get(), engine, nullptr));
    require(dnnl_primitive_create(primitive.to(), description.get()));
    scratchpad = dnnl_memory_desc_get_size(&desc(dnnl_query_scratchpad_md));
  }

  const dnnl_memory_desc_t& desc(dnnl_query_t what) const {
    return *dnnl_primitive_desc_query_md(description.get(), what, 0);
  }

  void run(const place& at, const void* a, const void* b, float* c, void* pad) const {
    const memory left(desc(dnnl_query_src_md), at, a), right(desc(dnnl_query_weights_md), at, b);
    const memory sums(desc(dnnl_query_dst_md), at, c), own(desc(dnnl_query_scratchpad_md), at, pad);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, left.get()},
                                         {DNNL_ARG_WEIGHTS, right.get()},
                                         {DNNL_ARG_DST, sums.get()},
                                         {DNNL_ARG_SCRATCHPAD, own.get()}};
    if (dnnl_primitive_execute(primitive.get(), at.stream.get(), 4, arguments) != dnnl_success) std::abort();
  }
};

// What a device keeps: one prepared product per shape.
struct state final : engine_state, place {
  const prepared& find(const shape& s) {
    const std::lock_guard<std::mutex> lock(mutex);
    auto at = products.find(s);
    if (at == products.end()) at = products.emplace(s, prepared(s, engine.get())).first;
    return at->second;
  }

  std::mutex mutex;
  std::map<shape, prepared> products;
  std::mutex asking;
  std::map<std::tuple<int, int, bool>, int> depths;  // of sums, by k, columns, bf16
};

inline state& of(device<cpu>& d) {
  if (!d.engine()) d.engine().reset(new state());
  return static_cast<state&>(*d.engine());
}

}  // namespace blip::inline BLIP_ABI::onednn_calls
