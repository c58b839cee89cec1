// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"
#include "blip/core/dtype.hpp"

// Instructions that a warp executes as one, with the fragments of the PTX ISA ("Matrix multiply-accumulate operation
// using mma instruction", m16n8k16 with bf16). A register holds two numbers of bf16, the one of the lower column or row
// in its lower half; lane l is in group l / 4 at place l % 4. Without nvcc the emulated GPU executes them.
namespace blip::inline BLIP_ABI::gpu {

// Two numbers rounded to bf16 in one register: to nearest, ties to even.
__device__ inline unsigned bf16_pair(float low, float high) {
#ifdef __CUDACC__
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return bf16(low).bits | static_cast<unsigned>(bf16(high).bits) << 16;
#endif
}

// 2^x, off by at most two units in the last place; 0 where it is less than 2^-126.
__device__ inline float power_of_two(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

// c += a b for a [16, 16], b [16, 8] and c [16, 8] in fp32. The lane in group g at place t holds
//   a[0], a[1]: columns 2 t, 2 t + 1 of rows g, g + 8;  a[2], a[3]: columns 2 t + 8, 2 t + 9 of the same rows
//   b0: rows 2 t, 2 t + 1 of column g;  b1: rows 2 t + 8, 2 t + 9 of that column
//   c[0], c[1]: columns 2 t, 2 t + 1 of row g;  c[2], c[3]: of row g + 8
__device__ inline void mma_m16n8k16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#ifdef __CUDACC__
  asm volatile(  // by all lanes or none: no compiler may move it behind a condition of a lane
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  simt::mma_m16n8k16(c, a, b0, b1);
#endif
}

// Four matrices [8, 8] of bf16 from shared memory, one to a register. Lane l brings the address of row l % 8 of matrix
// l / 8: 16 bytes, aligned. The lane in group g at place t gets columns 2 t, 2 t + 1 of row g of each matrix.
__device__ inline void ldmatrix_x4(unsigned (&to)[4], const bf16* row) {
#ifdef __CUDACC__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row))));
#else
  simt::ldmatrix_x4(to, row, false);
#endif
}
// The same of the matrices' transposes: rows 2 t, 2 t + 1 of column g.
__device__ inline void ldmatrix_x4_trans(unsigned (&to)[4], const bf16* row) {
#ifdef __CUDACC__
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row))));
#else
  simt::ldmatrix_x4(to, row, true);
#endif
}

}  // namespace blip::inline BLIP_ABI::gpu
