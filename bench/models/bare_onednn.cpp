// SPDX-License-Identifier: Apache-2.0
#if defined(BLIP_HAS_ONEDNN)
#include <cstring>
#include <dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bare_engine.hpp"

namespace {

using dims = dnnl::memory::dims;
using type = dnnl::memory::data_type;

// oneDNN as one would call it: its own threads, inputs already in the type of the products, weights in its own format.
class onednn_products final : public bare_engine {
 public:
  explicit onednn_products(type t) : type_(t), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {}

  void product(int rows, int in, int out) override {
    flop_ += 2.0 * rows * in * out;
    add({rows, in}, {in, 1}, {in, out}, {}, {rows, out}, {out, 1}, type::f32);
  }
  void scores(int heads, int rows, int width) override {
    flop_ += 4.0 * heads * rows * rows * width;
    add({heads, rows, width}, {rows * width, width, 1}, {heads, width, rows}, {rows * width, 1, width},
        {heads, rows, rows}, {rows * rows, rows, 1}, type_);
    add({heads, rows, rows}, {rows * rows, rows, 1}, {heads, rows, width}, {rows * width, width, 1},
        {heads, rows, width}, {rows * width, width, 1}, type::f32);
  }
  void run() override {
    for (auto& [primitive, arguments] : calls_) primitive.execute(stream_, arguments);
    stream_.wait();
  }

 private:
  void add(const dims& a, const dims& as, const dims& b, const dims& bs, const dims& c, const dims& cs, type out) {
    const dnnl::memory::desc ad(a, type_, as);
    const dnnl::memory::desc bd = bs.empty() ? dnnl::memory::desc(b, type_, dnnl::memory::format_tag::any)
                                             : dnnl::memory::desc(b, type_, bs);
    const dnnl::memory::desc cd(c, out, cs);
    const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(ad, bd, cd), engine_);
    const auto make = [&](const dnnl::memory::desc& d) {
      dnnl::memory m(d, engine_);
      std::memset(m.get_data_handle(), 0x3c, d.get_size());
      return m;
    };
    calls_.emplace_back(dnnl::matmul(pd), std::unordered_map<int, dnnl::memory>{{DNNL_ARG_SRC, make(pd.src_desc())},
                                                                               {DNNL_ARG_WEIGHTS, make(pd.weights_desc())},
                                                                               {DNNL_ARG_DST, make(pd.dst_desc())}});
  }

  type type_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  std::vector<std::pair<dnnl::primitive, std::unordered_map<int, dnnl::memory>>> calls_;
};

}  // namespace

std::unique_ptr<bare_engine> bare_onednn_fp32(int) { return std::make_unique<onednn_products>(type::f32); }
std::unique_ptr<bare_engine> bare_onednn_bf16(int) { return std::make_unique<onednn_products>(type::bf16); }
#endif
