// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cublasLt.h>

#include <array>
#include <map>
#include <memory>

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/cuda/gemm.hpp"

// The products of gemm.hpp by cuBLASLt. What is row-major to us is the transpose to it: c^T = b^T a^T. Algorithms are
// looked up once for each shape, and never such that add parts up in whatever order they arrive.
namespace blip::inline BLIP_ABI {

namespace gpu {

inline void check(cublasStatus_t s) {
  if (s != CUBLAS_STATUS_SUCCESS) remember(cublasLtGetStatusString(s));
}

class cublaslt final : public engine_state {
 public:
  cublaslt() { check(cublasLtCreate(&handle_)); }
  cublaslt(const cublaslt&) = delete;
  cublaslt& operator=(const cublaslt&) = delete;
  ~cublaslt() override {
    for (const auto& [key, plan] : plans_) destroy(plan);
    if (handle_) cublasLtDestroy(handle_);
  }
  static cublaslt& of(device<cuda>& d) {
    if (!d.engine()) d.engine() = std::make_unique<cublaslt>();
    return static_cast<cublaslt&>(*d.engine());
  }

  void multiply(const cuda_product& p) {
    const plan& found = plan_of(p);
    if (!found.usable) return remember("cublasLt: no algorithm for this product");
    if (p.bias)
      check(cublasLtMatmulDescSetAttribute(found.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p.bias, sizeof p.bias));
    const float one = 1, before = p.accumulate ? 1.0f : 0.0f;
    check(cublasLtMatmul(handle_, found.operation, &one, p.b, found.left, p.a, found.right, &before, p.c, found.result,
                         p.c, found.result, &found.algorithm, workspace_.data(), workspace_bytes, stream()));
  }

 private:
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

  struct plan {
    cublasLtMatmulDesc_t operation = nullptr;
    cublasLtMatrixLayout_t left = nullptr, right = nullptr, result = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
    bool usable = false;
  };
  // Everything that an algorithm may depend on. Pointers count by their alignment.
  using shape = std::array<int, 14>;
  static int alignment(const void* p) {
    const auto a = reinterpret_cast<std::uintptr_t>(p);
    return static_cast<int>(a % 16 == 0 ? 16 : a % 8 == 0 ? 8 : a % 4 == 0 ? 4 : 2);
  }
  static shape shape_of(const cuda_product& p) {
    return {p.m,
            p.n,
            p.k,
            p.a_stride,
            p.b_stride,
            p.c_stride,
            p.a_transposed,
            p.b_transposed,
            p.accumulate,
            p.bias != nullptr,
            static_cast<int>(p.inputs),
            alignment(p.a),
            alignment(p.b),
            alignment(p.c)};
  }

  const plan& plan_of(const cuda_product& p) {
    const auto [at, is_new] = plans_.try_emplace(shape_of(p));
    if (is_new) prepare(p, at->second);
    return at->second;
  }

  void prepare(const cuda_product& p, plan& to) {
    const cudaDataType_t inputs = p.inputs == precision::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    check(cublasLtMatmulDescCreate(&to.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    const auto set = [&](cublasLtMatmulDescAttributes_t what, auto value) {
      check(cublasLtMatmulDescSetAttribute(to.operation, what, &value, sizeof value));
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, p.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, p.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (p.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
    }
    const auto lay_out = [](cublasLtMatrixLayout_t& m, cudaDataType_t type, int rows, int columns, int stride) {
      check(cublasLtMatrixLayoutCreate(&m, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns),
                                       stride));
    };
    lay_out(to.left, inputs, p.b_transposed ? p.k : p.n, p.b_transposed ? p.n : p.k, p.b_stride);
    lay_out(to.right, inputs, p.a_transposed ? p.m : p.k, p.a_transposed ? p.k : p.m, p.a_stride);
    lay_out(to.result, CUDA_R_32F, p.n, p.m, p.c_stride);

    cublasLtMatmulPreference_t wish = nullptr;
    check(cublasLtMatmulPreferenceCreate(&wish));
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t what, auto value) {
      check(cublasLtMatmulPreferenceSetAttribute(wish, what, &value, sizeof value));
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(alignment(p.b)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(alignment(p.a)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(alignment(p.c)));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(alignment(p.c)));
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t s = cublasLtMatmulAlgoGetHeuristic(handle_, to.operation, to.left, to.right, to.result,
                                                            to.result, wish, 1, &best, &found);
    check(cublasLtMatmulPreferenceDestroy(wish));
    to.usable = s == CUBLAS_STATUS_SUCCESS && found > 0;
    to.algorithm = best.algo;
  }
  static void destroy(const plan& p) {
    if (p.result) cublasLtMatrixLayoutDestroy(p.result);
    if (p.right) cublasLtMatrixLayoutDestroy(p.right);
    if (p.left) cublasLtMatrixLayoutDestroy(p.left);
    if (p.operation) cublasLtMatmulDescDestroy(p.operation);
  }

  // Of its own, not of the pool of the moment, which may be that of a pass.
  buffer<cuda, std::byte> workspace_{workspace_bytes};
  cublasLtHandle_t handle_ = nullptr;
  std::map<shape, plan> plans_;
};

}  // namespace gpu

extern "C" void blip_cuda_multiply(device<cuda>& d, const cuda_product& p) {
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) {  // a sum of nothing
    for (int r = 0; r < p.m && !p.accumulate; ++r)
      blip_cuda_fill(p.c + static_cast<std::ptrdiff_t>(r) * p.c_stride, 0,
                     static_cast<std::size_t>(p.n) * sizeof(float));
    return;
  }
  gpu::cublaslt::of(d).multiply(p);
}

}  // namespace blip::inline BLIP_ABI
