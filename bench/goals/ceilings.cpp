// SPDX-License-Identifier: Apache-2.0
//
// What the GPU at hand reaches: bytes per second of a copy (read and written), FLOP per second of a large product of
// bf16 by cuBLASLt. Prints one line of JSON. Status 77 without a GPU.
#include <cstdint>
#include <cstdio>

#include "blip/backend/cuda.hpp"
#include "blip/backend/cuda/gemm.hpp"
#include "goals/timed.hpp"

int main() try {
  if (blip::gpu_count() == 0) return std::printf("no GPU answers\n"), 77;
  using B = blip::cuda;
  std::vector<goals::result> results(2);
  goals::timed<B> run({}, 1.0, results);
  {
    constexpr std::size_t bytes = std::size_t{1} << 30;  // far more than the second-level cache holds
    const blip::buffer<B, std::uint8_t> from(bytes), to(bytes);
    blip::memory<B>::zero(const_cast<std::uint8_t*>(from.data()), bytes);
    run("", "", 0, [&] { blip::memory<B>::copy(const_cast<std::uint8_t*>(to.data()), from.data(), bytes); });
    std::printf("{\"copy_bytes_per_second\": %.4g", 2e3 * bytes / goals::median(results[0].milliseconds));
  }
  constexpr int n = 8192;
  constexpr std::size_t size = std::size_t{n} * n;
  std::vector<std::uint16_t> numbers(size);  // bf16 between -2 and 2: zeros would let the chip clock higher
  for (std::size_t i = 0; i < size; ++i)
    numbers[i] = static_cast<std::uint16_t>(0x3f00u | (i * 2654435761u >> 9 & 0x80ffu));
  const blip::buffer<B, std::uint16_t> a{std::span<const std::uint16_t>(numbers)},
      b{std::span<const std::uint16_t>(numbers)};
  blip::buffer<B, float> c(size);
  blip::device<B> dev;
  run("", "", 0, [&] {
    blip::blip_cuda_multiply(dev, {.m = n,
                                   .n = n,
                                   .k = n,
                                   .a = a.data(),
                                   .b = b.data(),
                                   .c = c.data(),
                                   .a_stride = n,
                                   .b_stride = n,
                                   .c_stride = n,
                                   .b_transposed = true,
                                   .inputs = blip::precision::bf16});
    blip::detail::cuda_checked("a product");
  });
  std::printf(", \"product_flop_per_second\": %.4g}\n", 2e3 * n * size / goals::median(results[1].milliseconds));
  return 0;
} catch (const std::exception& e) {
  return std::fprintf(stderr, "gpu_ceilings: %s\n", e.what()), 1;
}
