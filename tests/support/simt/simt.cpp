// SPDX-License-Identifier: Apache-2.0
#include "support/simt/simt.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "support/simt/cuda_runtime.h"

// The address sanitizer must hear of every change of stacks, and guards the ends of memory in place of our canaries.
#if defined(__SANITIZE_ADDRESS__)
#define BLIP_SIMT_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLIP_SIMT_ASAN
#endif
#endif
#if defined(BLIP_SIMT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#error "The emulated GPU switches stacks by hand, which is written for x86-64 only"
#endif

thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;
thread_local __align__(128) unsigned char blip_dynamic_shared[simt::most_shared + 64];

// Saves the callee-saved registers on the stack of now, and goes on with another one.
extern "C" void simt_switch(void** save, void* load);
asm(R"(
.text
.globl simt_switch
.type simt_switch, @function
simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch, .-simt_switch
)");

struct simt_graph {
  std::vector<std::function<void()>> work;
};
struct simt_stream {
  std::unique_ptr<simt_graph> told;  // while it is captured
};

namespace simt {

namespace {

constexpr std::size_t stack_bytes = std::size_t{64} << 10, used_again = 1024;
constexpr int most_threads = 1024, warp = 32;
constexpr unsigned char canary = 0xa5;

// A stack that is switched to or away from.
struct stack_place {
  void* pointer = nullptr;  // while it is away
#if defined(BLIP_SIMT_ASAN)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* fake = nullptr;
#endif
};
// `ends`: `from` will not be gone on with.
void change(stack_place& from, stack_place& to, [[maybe_unused]] bool ends = false) {
#if defined(BLIP_SIMT_ASAN)
  __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake, to.bottom, to.bytes);
#endif
  simt_switch(&from.pointer, to.pointer);
#if defined(BLIP_SIMT_ASAN)
  __sanitizer_finish_switch_fiber(from.fake, nullptr, nullptr);
#endif
}
// What a fiber does first: says that it has arrived; learns where the scheduler's stack is.
void arrive([[maybe_unused]] stack_place& scheduler) {
#if defined(BLIP_SIMT_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &scheduler.bottom, &scheduler.bytes);
#endif
}
void guard([[maybe_unused]] unsigned char* p, [[maybe_unused]] std::size_t bytes) {
#if defined(BLIP_SIMT_ASAN)
  __asan_poison_memory_region(p, bytes);
#else
  std::memset(p, canary, bytes);
#endif
}
// Whether nobody wrote there.
bool unharmed([[maybe_unused]] unsigned char* p, [[maybe_unused]] std::size_t bytes) {
#if defined(BLIP_SIMT_ASAN)
  __asan_unpoison_memory_region(p, bytes);  // a fault would have ended the program
  return true;
#else
  return std::all_of(p, p + bytes, [](unsigned char c) { return c == canary; });
#endif
}

enum class state { ready, at_block_barrier, in_warp, done };

struct fiber {
  stack_place stack;
  state now = state::ready;
  unsigned mask = 0;          // of the warp-wide call it waits in
  std::uint64_t brought = 0;  // to that call
  const std::uint64_t* found = nullptr;
};

struct random_order {
  std::uint64_t state;
  std::size_t below(std::size_t n) {
    state += 0x9e3779b97f4a7c15u;
    std::uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::size_t>((z ^ (z >> 31)) % n);
  }
  void shuffle(std::vector<int>& v) {
    for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[below(i)]);
  }
};

class machine {
 public:
  options settings;
  counts done;
  std::vector<site> sites;

  void run(dim grid, dim block, std::size_t shared, void (*kernel)(void*), void* arguments) {
    const std::size_t threads = std::size_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > most_threads) throw fault("simt: a block of " + std::to_string(threads) + " threads");
    if (shared > most_shared) throw fault("simt: " + std::to_string(shared) + " bytes of shared memory");
    if (grid.y > 65535 || grid.z > 65535) throw fault("simt: a grid too high or too deep");
    kernel_ = kernel, arguments_ = arguments, threads_ = static_cast<int>(threads);
    ::blockDim = block, ::gridDim = grid;
    if (!stacks_) reserve();
    random_order order{settings.seed * 0x9e3779b97f4a7c15u + 1};
    std::vector<int> blocks(std::size_t{grid.x} * grid.y * grid.z);
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<int>(i);
    if (settings.seed != 0) order.shuffle(blocks);
    ++done.launches, done.threads += blocks.size() * threads;
#if defined(BLIP_SIMT_ASAN)
    if (std::exchange(broken_off_, true)) {
      __asan_unpoison_memory_region(stacks_, stack_bytes * most_threads);
      __asan_unpoison_memory_region(blip_dynamic_shared, sizeof blip_dynamic_shared);
    }
#endif
    for (const int b : blocks) {
      const auto i = static_cast<unsigned>(b);
      ::blockIdx = {i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y};
      std::memset(blip_dynamic_shared, 0xff, shared);
      guard(blip_dynamic_shared + shared, 64);
      ++blocks_begun_;
      run_block(order);
      if (!unharmed(blip_dynamic_shared + shared, 64))
        throw fault("simt: shared memory was written behind its end");
    }
    broken_off_ = false;
  }

  void wait(state how) {
    fiber& me = fibers_[static_cast<std::size_t>(current_)];
    me.now = how;
    ++done.switches;
    change(me.stack, scheduler_, how == state::done);
  }
  const std::uint64_t* exchange(unsigned mask, std::uint64_t mine) {
    fiber& me = fibers_[static_cast<std::size_t>(current_)];
    me.mask = mask, me.brought = mine;
    wait(state::in_warp);
    return me.found;
  }
  bool left_out(const site& at) {
    auto found = std::find(sites.begin(), sites.end(), at);
    if (found == sites.end()) found = sites.insert(sites.end(), at);
    return found - sites.begin() == settings.without_barrier;
  }
  int lane() const { return current_ % warp; }
  std::uint64_t running_block() const { return in_fiber_ ? blocks_begun_ : 0; }

 private:
  static void begin();

  void reserve() {
    void* p = ::mmap(nullptr, stack_bytes * most_threads, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    stacks_ = static_cast<unsigned char*>(p);
  }
  // A stack that looks as if it had been switched away from at the beginning of `begin`.
  void start(int t) {
    fiber& f = fibers_[static_cast<std::size_t>(t)];
    f = {};
    unsigned char* const bottom = stacks_ + stack_bytes * static_cast<std::size_t>(t);
    auto* top = reinterpret_cast<void**>(bottom + stack_bytes - 64);
#if defined(BLIP_SIMT_ASAN)
    f.stack.bottom = bottom, f.stack.bytes = stack_bytes;
    __asan_unpoison_memory_region(bottom + stack_bytes - used_again, used_again);  // what never returned is gone
#endif
    *top = reinterpret_cast<void*>(&machine::begin);
    f.stack.pointer = top - 6;
    std::memset(f.stack.pointer, 0, 6 * sizeof(void*));
  }
  void resume(int t) {
    const auto i = static_cast<unsigned>(t);
    ::threadIdx = {i % ::blockDim.x, i / ::blockDim.x % ::blockDim.y, i / ::blockDim.x / ::blockDim.y};
    current_ = t;
    ++done.switches;
    in_fiber_ = true;
    change(scheduler_, fibers_[static_cast<std::size_t>(t)].stack);
    in_fiber_ = false;
  }

  void run_block(random_order& order) {
    for (int t = 0; t < threads_; ++t) start(t);
    std::vector<int>& warps = warps_;
    warps.clear();
    for (int w = 0; w * warp < threads_; ++w) warps.push_back(w);
    for (;;) {
      if (settings.seed != 0) order.shuffle(warps);
      bool ran = false;
      for (const int w : warps) ran = run_warp(w) || ran;
      int finished = 0, waiting = 0;
      for (int t = 0; t < threads_; ++t) {
        finished += fibers_[static_cast<std::size_t>(t)].now == state::done;
        waiting += fibers_[static_cast<std::size_t>(t)].now == state::at_block_barrier;
      }
      if (finished == threads_) return;
      if (finished + waiting == threads_) {
        for (int t = 0; t < threads_; ++t)
          if (fibers_[static_cast<std::size_t>(t)].now == state::at_block_barrier)
            fibers_[static_cast<std::size_t>(t)].now = state::ready;
      } else if (!ran) {
        throw fault("simt: some threads wait at a barrier or in a warp-wide call that others never reach");
      }
    }
  }
  // Until every lane is done, at a barrier, or waits for a lane that is.
  bool run_warp(int w) {
    const int first = w * warp, last = std::min(first + warp, threads_);
    bool ran = false;
    for (bool again = true; again;) {
      again = false;
      for (int t = first; t < last; ++t)
        if (fibers_[static_cast<std::size_t>(t)].now == state::ready) resume(t), ran = true;
      for (int t = first; t < last; ++t) again = release(first, last, t) || again;
    }
    return ran;
  }
  // Lets the group of lane t go on if all of it has arrived.
  bool release(int first, int last, int t) {
    const fiber& me = fibers_[static_cast<std::size_t>(t)];
    if (me.now != state::in_warp) return false;
    const unsigned mask = me.mask, live = last - first == warp ? ~0u : (1u << (last - first)) - 1u;
    for (int l = 0; l < last - first; ++l) {
      const fiber& other = fibers_[static_cast<std::size_t>(first + l)];
      if ((mask >> l & 1u) != 0 && (other.now != state::in_warp || other.mask != mask)) return false;
    }
    if ((mask & live & (1u << (t - first))) == 0) throw fault("simt: a lane calls for a group that it is not in");
    auto& all = snapshots_[next_snapshot_++ % snapshots_.size()];
    all.fill(~std::uint64_t{0});
    for (int l = 0; l < last - first; ++l)
      if ((mask >> l & 1u) != 0) {
        fiber& other = fibers_[static_cast<std::size_t>(first + l)];
        all[static_cast<std::size_t>(l)] = other.brought;
        other.found = all.data();
        other.now = state::ready;
      }
    return true;
  }

  void (*kernel_)(void*) = nullptr;
  void* arguments_ = nullptr;
  int threads_ = 0, current_ = 0;
  stack_place scheduler_;
  bool in_fiber_ = false;
  std::uint64_t blocks_begun_ = 0;
  [[maybe_unused]] bool broken_off_ = false;  // a fault left fibers as they were
  unsigned char* stacks_ = nullptr;
  std::vector<int> warps_;
  std::array<fiber, most_threads> fibers_{};
  std::array<std::array<std::uint64_t, warp>, 64> snapshots_{};
  std::size_t next_snapshot_ = 0;
};

machine& here() {
  static thread_local machine one;
  return one;
}

void machine::begin() {
  machine& m = here();
  arrive(m.scheduler_);
  m.kernel_(m.arguments_);
  m.wait(state::done);
  std::abort();  // nobody resumes what is done
}

struct blocks_held {
  std::mutex mutex;
  std::map<void*, std::size_t> sizes;
  std::atomic<std::uint64_t> changes{0};
};
blocks_held& held() {
  static blocks_held all;
  return all;
}

}  // namespace

#if defined(BLIP_SIMT_ASAN)
const bool ends_are_guarded = true;
#else
const bool ends_are_guarded = false;
#endif

options& run_options() { return here().settings; }
int barrier_sites() { return static_cast<int>(here().sites.size()); }
void reset_barrier_sites() { here().sites.clear(); }
const counts& work_done() { return here().done; }

void run(dim grid, dim block, std::size_t shared, void (*kernel)(void*), void* arguments) {
  here().run(grid, block, shared, kernel, arguments);
}
void block_barrier(const site& at) {
  if (!here().left_out(at)) here().wait(state::at_block_barrier);
}
void warp_barrier(unsigned mask, const site& at) {
  if (!here().left_out(at)) here().exchange(mask, 0);
}
const std::uint64_t* exchange(unsigned mask, std::uint64_t mine) { return here().exchange(mask, mine); }
int lane() { return here().lane(); }
simt_stream* new_stream() { return std::make_unique<simt_stream>().release(); }
void end_stream(simt_stream* s) { const std::unique_ptr<simt_stream> gone(s); }
void do_or_tell(simt_stream* s, std::function<void()> work) {
  if (s && s->told)
    s->told->work.push_back(std::move(work));
  else
    work();
}
bool begin_capture(simt_stream* s) {
  if (!s || s->told) return false;
  s->told = std::make_unique<simt_graph>();
  return true;
}
simt_graph* end_capture(simt_stream* s) { return s ? s->told.release() : nullptr; }
simt_graph* copy_graph(const simt_graph* g) { return std::make_unique<simt_graph>(*g).release(); }
void end_graph(simt_graph* g) { const std::unique_ptr<simt_graph> gone(g); }
void replay(const simt_graph* g) {
  counts& done = here().done;
  const std::uint64_t before = done.launches + done.products;
  for (const auto& work : g->work) work();
  ++done.graphs, done.replayed += done.launches + done.products - before;
}

void count_product() { ++here().done.products; }
void count_mma() { ++here().done.mma; }
void count_bank_conflict() { ++here().done.bank_conflicts; }

void* allocate(std::size_t bytes) {
  const std::size_t room = (bytes + 63) / 64 * 64;
  auto* p = static_cast<unsigned char*>(std::aligned_alloc(256, (room + 64 + 255) / 256 * 256));
  if (!p) throw std::bad_alloc();
  std::memset(p, 0xff, bytes);
  guard(p + bytes, room + 64 - bytes);
  const std::lock_guard<std::mutex> lock(held().mutex);
  held().sizes[p] = bytes, ++held().changes;
  return p;
}
void release(void* p) {
  const std::lock_guard<std::mutex> lock(held().mutex);
  const auto found = held().sizes.find(p);
  if (found == held().sizes.end()) throw fault("simt: memory is handed back that was not allocated");
  const std::size_t size = found->second;
  if (!unharmed(static_cast<unsigned char*>(p) + size, (size + 63) / 64 * 64 + 64 - size))
    throw fault("simt: device memory was written behind its end");
  held().sizes.erase(found), ++held().changes;
  std::free(p);
}
bool is_device_memory(const void* p) {
  struct range {
    const unsigned char *begin = nullptr, *end = nullptr;
  };
  static thread_local range last;  // most questions are about the block of the one before
  static thread_local std::uint64_t changes = 0;
  const auto* const at = static_cast<const unsigned char*>(p);
  if (changes == held().changes && at >= last.begin && at < last.end) return true;
  const std::lock_guard<std::mutex> lock(held().mutex);
  const auto after = held().sizes.upper_bound(const_cast<void*>(p));
  if (after == held().sizes.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  const range found{static_cast<const unsigned char*>(begin), static_cast<const unsigned char*>(begin) + bytes};
  if (at >= found.end) return false;
  last = found, changes = held().changes;
  return true;
}
std::uint64_t running_block() { return here().running_block(); }

std::size_t allocated() {
  const std::lock_guard<std::mutex> lock(held().mutex);
  return held().sizes.size();
}

}  // namespace simt
