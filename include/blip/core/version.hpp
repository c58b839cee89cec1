// SPDX-License-Identifier: Apache-2.0
#pragma once

// The version (the build system reads it from here) and the name of the inline namespace. The instruction set is
// part of that name: translation units built for different targets hold different kernels and must not be merged.
#define BLIP_VERSION_MAJOR 0
#define BLIP_VERSION_MINOR 1
#define BLIP_VERSION_PATCH 0

#if defined(__AMX_BF16__) || defined(__AMXBF16__)
#define BLIP_ABI v0_amx
#elif defined(__AVX512BF16__)
#define BLIP_ABI v0_avx512_bf16
#elif defined(__AVX512F__)
#define BLIP_ABI v0_avx512
#elif defined(__AVX2__)
#define BLIP_ABI v0_avx2
#elif defined(__x86_64__)
#define BLIP_ABI v0_x86_64
#else
#define BLIP_ABI v0_generic
#endif

// Marks what host and device code share. The core stays free of CUDA headers.
#if defined(__CUDACC__)
#define BLIP_HD __host__ __device__
#else
#define BLIP_HD
#endif

// Bodies in `-inl.hpp` files: inline for header-only users, ordinary definitions in the units of blip::instances.
#if defined(BLIP_BUILD_INSTANCES)
#define BLIP_INLINE
#else
#define BLIP_INLINE inline
#endif

namespace blip::inline BLIP_ABI {

struct version_number {
  int major, minor, patch;
};

inline constexpr version_number version{BLIP_VERSION_MAJOR, BLIP_VERSION_MINOR, BLIP_VERSION_PATCH};

}  // namespace blip::inline BLIP_ABI
