// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

struct simt_stream;
struct simt_graph;

// Runs CUDA kernels that g++ has compiled: one fiber per CUDA thread, block after block. A warp's lanes run one after
// the other until all wait for each other, warps run in an order shuffled by a seed, so what a missing barrier lets
// happen does happen. Shared memory is NaN when a block begins, device memory when it is allocated.
namespace simt {

struct dim {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}  // NOLINT: as CUDA's dim3
};

// Products add up in one order, whatever the number of rows.
inline constexpr bool rows_keep_their_bits = true;

inline constexpr std::size_t most_shared = 232448;  // 227 KB, as a block of sm_90 may have

struct options {
  std::uint64_t seed = 0;    // of the order of warps and blocks
  int without_barrier = -1;  // the number of a __syncthreads or __syncwarp that does nothing; -1: none
};
// Of the calling thread.
options& run_options();
// How many different __syncthreads and __syncwarp the kernels since the last reset have met; `without_barrier` counts
// them in the order of their first call.
int barrier_sites();
void reset_barrier_sites();
// Launches and switches between fibers so far, and products that a library would have launched; mma instructions of
// warps, and matrices whose rows ldmatrix could not read at once because they share banks; graphs that were replayed,
// and the launches and products that were done by these.
struct counts {
  std::uint64_t launches = 0, threads = 0, switches = 0, products = 0, mma = 0, bank_conflicts = 0;
  std::uint64_t graphs = 0, replayed = 0;
};
const counts& work_done();

// With the address sanitizer memory touched behind its end does not throw a fault but ends the program.
extern const bool ends_are_guarded;

// What a kernel did wrong: a wait that never ends, memory written behind its end.
struct fault : std::logic_error {
  using std::logic_error::logic_error;
};

// --- for cuda_runtime.h -----------------------------------------------------------------------------------------

// Calls kernel(arguments) once for every thread. Throws fault.
void run(dim grid, dim block, std::size_t shared, void (*kernel)(void*), void* arguments);

// Where a barrier is written.
struct site {
  const char* file;
  int line;
  bool operator==(const site&) const = default;
};
void block_barrier(const site& at);
void warp_barrier(unsigned mask, const site& at);
// Waits for all lanes of the mask; gives what each of them brought.
const std::uint64_t* exchange(unsigned mask, std::uint64_t mine);
int lane();
void count_product();
void count_mma();
void count_bank_conflict();

// Streams do what they are given at once, but while they are captured: then it is told to a graph, which does it when it
// is replayed. The null stream cannot be captured. A graph is one thread's.
simt_stream* new_stream();
void end_stream(simt_stream* s);
void do_or_tell(simt_stream* s, std::function<void()> work);
bool begin_capture(simt_stream* s);
simt_graph* end_capture(simt_stream* s);  // null when nothing is captured
simt_graph* copy_graph(const simt_graph* g);
void end_graph(simt_graph* g);
void replay(const simt_graph* g);

void* allocate(std::size_t bytes);
void release(void* p);  // throws fault when something was written behind the end
std::size_t allocated();
// Whether an allocation holds this address; the number, from 1 on, of the block that runs, 0 while none does.
bool is_device_memory(const void* p);
std::uint64_t running_block();

}  // namespace simt
