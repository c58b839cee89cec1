// SPDX-License-Identifier: Apache-2.0
//
// The kernels of the CUDA back end as g++ compiles them, and the products that cuBLASLt would do.
#include "blip/backend/cuda/kernels.cuh"

namespace blip::inline BLIP_ABI {

namespace {

template <class T>
float element(const void* data, int stride, bool transposed, int r, int c) {
  const T* const m = static_cast<const T*>(data);
  return static_cast<float>(transposed ? m[std::ptrdiff_t{c} * stride + r] : m[std::ptrdiff_t{r} * stride + c]);
}
template <class T>
void multiply(const cuda_product& p) {
  for (int r = 0; r < p.m; ++r)
    for (int c = 0; c < p.n; ++c) {
      float sum = 0;
      for (int i = 0; i < p.k; ++i)
        sum += element<T>(p.a, p.a_stride, p.a_transposed, r, i) * element<T>(p.b, p.b_stride, p.b_transposed, i, c);
      if (p.bias) sum += p.bias[c];
      float& to = p.c[std::ptrdiff_t{r} * p.c_stride + c];
      to = p.accumulate ? to + sum : sum;
    }
}

}  // namespace

extern "C" void blip_cuda_multiply(device<cuda>&, const cuda_product& p) {
  blip_simt_do(gpu::stream(), [p] {
    simt::count_product();
    p.inputs == precision::bf16 ? multiply<bf16>(p) : multiply<float>(p);
  });
}

}  // namespace blip::inline BLIP_ABI
