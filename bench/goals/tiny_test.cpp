// SPDX-License-Identifier: Apache-2.0
//
// Every workload of the goals at a tiny size, on the back end that computes nothing and on the emulated GPU, in both
// precisions. The launches that are listed must be those that happen, and what is listed the same on both. Then they
// are timed there, which says nothing but that it works.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "blip/backend/cuda.hpp"
#include "goals/counted.hpp"
#include "goals/timed.hpp"
#include "goals/unwritten_memory.hpp"
#include "goals/workloads.hpp"
#include "support/simt/simt.hpp"

namespace {

using namespace goals;

// Compares after each workload what was listed with what was launched.
class on_emulated_gpu : public counted<blip::cuda> {
 public:
  explicit on_emulated_gpu(blip::precision p) : counted({.products = p}, p) {}

  template <class F>
  void operator()(const char* goal, const std::string& what, int items, F&& body) {
    const auto before = launches();
    counted::operator()(goal, what, items, std::forward<F>(body));
    const auto listed = static_cast<std::uint64_t>(results.back().list.total().all.launches);
    if (const auto found = launches() - before; found != listed) {
      std::printf("%s, %s: %llu launches are listed, %llu happened\n", goal, what.c_str(),
                  static_cast<unsigned long long>(listed), static_cast<unsigned long long>(found));
      right = false;
    }
  }

  bool right = true;

 private:
  static std::uint64_t launches() { return simt::work_done().launches + simt::work_done().products; }
};

bool same(const cost& a, const cost& b, double slack) {
  const auto near = [slack](double x, double y) { return std::abs(x - y) <= slack * std::max(x, y); };
  return a.launches == b.launches && near(a.flop, b.flop) && near(a.packed, b.packed) && near(a.read, b.read) &&
         near(a.written, b.written);
}

bool check(blip::precision p, const std::vector<int>& lengths) {
  counted<blip_test::idle_of<4>> counts({}, p);
  all_workloads<tiny, listed<blip_test::idle_of<4>>>(counts, lengths);
  on_emulated_gpu gpu(p);
  all_workloads<tiny, listed<blip::cuda>>(gpu, lengths);
  bool right = gpu.right && counts.results.size() == gpu.results.size();
  for (std::size_t i = 0; right && i < counts.results.size(); ++i) {
    const result &a = counts.results[i], &b = gpu.results[i];
    // Negatives are drawn where numbers are computed, so texts of other lengths are read.
    const double slack = a.goal == "G5" || a.goal == "G6" ? 0.1 : 0;
    if (!same(a.list.total().all, b.list.total().all, slack) || (a.bytes > 0) != (b.bytes > 0)) {
      std::printf("counted alone and on the emulated GPU differ:\n%s%s", markdown({a}).c_str(), markdown({b}).c_str());
      right = false;
    }
  }
  timed<blip::cuda> clock({.products = p}, 0, counts.results);
  if (right) all_workloads<tiny, blip::cuda>(clock, lengths);
  for (const result& r : counts.results) right = right && (r.bytes > 0 || r.milliseconds.size() >= 3);
  if (right) std::printf("%s", markdown(counts.results).c_str());
  return right;
}

}  // namespace

int main() {
  const std::vector<int> lengths{4, 6, 3, 5, 2};
  const bool halves = check(blip::precision::bf16, lengths), floats = check(blip::precision::fp32, lengths);
  if (halves && floats) std::printf("every workload ran; what is listed is what is launched\n");
  return halves && floats ? 0 : 1;
}
