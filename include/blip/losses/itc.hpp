// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

#include "blip/layers/linear.hpp"
#include "blip/losses/examples.hpp"
#include "blip/losses/feature_queue.hpp"
#include "blip/losses/needs.hpp"
#include "blip/losses/tower_pass.hpp"
#include "blip/ops/contrast.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/gather_ranks.hpp"
#include "blip/ops/int_array.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/ops/residual.hpp"
#include "blip/ops/scale.hpp"
#include "blip/ops/similarity.hpp"

namespace blip::inline BLIP_ABI {

struct itc_config {
  int width = 256;       // of the features
  bool momentum = true;  // keys and soft targets from a momentum model, and a queue; false: the batch's own features (CLIP)
};

// The columns of the similarities that hard negatives are drawn by.
enum class similarity_columns { momentum, online };

struct itc_options {
  int queue = 57600;  // ALBEF: 65536; 0: none
  double temperature = 0.07, lowest = 0.001, highest = 0.5;  // the range that every step begins by restoring
  bool clamp = true;  // ALBEF's retrieval fine-tune does not
  similarity_columns similarity = similarity_columns::momentum;
  negatives_from negatives = negatives_from::local;  // those of a batch; the queue holds all ranks'
  // Whose hard negatives can be drawn; none: as `negatives`. BLIP's COCO retrieval has local ones there, all ranks' here.
  std::optional<negatives_from> hard_negatives{};
};

namespace detail {

template <int Width>
consteval bool itc_rules() {
  static_assert(Width > 0, "blip::itc: set itc_config::width, positive");
  return Width > 0;
}

}  // namespace detail

// Image-text contrastive loss: each image against the texts of batch and queue, and each text against the images.
//   v = W_v class row / |.|,  t = W_t class row / |.|,  loss = mean over the batch of (contrast(v, texts) + contrast(t, images)) / 2
// With image ids in the examples every pair of equal id is a positive; in the in-batch form such pairs share the target
// equally. Provides the similarities in the batch.
// Source: ALBEF section 3.1-3.2; `blip_pretrain.py`, `blip_retrieval.py`. In-batch form: CLIP (Radford et al. 2021).
template <itc_config C = itc_config{}, bool = detail::itc_rules<C.width>()>
class itc {
 public:
  static constexpr std::string_view name = "itc";
  static constexpr itc_config settings = C;
  using needs = std::conditional_t<C.momentum, type_list<need::class_states, need::feature_states, need::momentum>,
                                   type_list<need::class_states, need::feature_states>>;
  using provides = type_list<need::similarity>;

  explicit itc(const itc_options& o = {}) : options_(o) {}

  template <class Towers>
  class head_type {
    using B = typename Towers::backend_type;

   public:
    explicit head_type(const itc& loss) {
      temperature_.stored_as({}, 0).starts_at(loss.options_.temperature);
    }
    template <class T, int K>
    var<T, C.width> image(T& t, const var<T, K>& rows) const {
      return ops::l2_normalize(t, vision_.forward(t, rows));
    }
    template <class T, int K>
    var<T, C.width> text(T& t, const var<T, K>& rows) const {
      return ops::l2_normalize(t, text_.forward(t, rows));
    }
    const parameter& temperature() const { return temperature_; }

    template <class Self, class F>
    static void averaged(Self& self, F&& f) {
      f("vision_proj", self.vision_), f("text_proj", self.text_);
    }
    template <class Self, class F>
    static void others(Self& self, F&& f) {
      f("temp", self.temperature_);
    }

   private:
    linear<linear_config{.in = Towers::image_width, .out = C.width}, B> vision_;
    linear<linear_config{.in = Towers::text_width, .out = C.width}, B> text_;
    parameter temperature_{1};
  };

  // The queues, and what the micro-batches of a step want to add to them, in their order.
  template <class B>
  struct state {
    struct arrival {
      tensor<B> images, texts;  // [n, width]
      std::optional<ops::int_array<B>> ids;
    };
    feature_queue<B> images, texts;
    buffer<B, int> ids;
    std::int64_t cursor = 0;  // rows ever written
    std::vector<arrival> arrivals;

    void commit() {
      for (const arrival& a : arrivals) {
        if (images.size() == 0) break;
        const int n = a.images->value.rows;
        images.write(a.images->value, cursor), texts.write(a.texts->value, cursor);
        if (a.ids)
          feature_queue<B>::each_piece(n, cursor, images.size(), [&](int from, int to, int count) {
            memory<B>::copy(ids.data() + to, a.ids->data() + from, static_cast<std::size_t>(count) * sizeof(int));
          });
        cursor += n;
      }
      arrivals.clear();
    }
    void discard() { arrivals.clear(); }
  };
  template <class B>
  state<B> make_state(std::uint64_t seed) const {
    if (!C.momentum || options_.queue == 0) return {};
    const std::vector<int> none(static_cast<std::size_t>(options_.queue), feature_queue<B>::no_id);
    return {{options_.queue, C.width, seed, 0}, {options_.queue, C.width, seed, 1}, buffer<B, int>(none), 0, {}};
  }

  template <class B>
  struct data {
    buffer<B, int> ids;        // of the pictures; empty: all differ
    buffer<B, int> positions;  // [B] each pair's own column
    buffer<B, typename B::scalar> shares;  // [B, B] with ids, in the in-batch form: equal weights of equal ids
  };
  template <class B>
  data<B> prepare(const examples& e, int, const example_site& at) const {
    std::vector<int> own(e.texts.size());
    std::iota(own.begin(), own.end(), options_.negatives == negatives_from::all_ranks ? at.first : 0);
    if (!e.image_ids.empty())
      require_equal("itc: examples", "image ids", static_cast<long long>(e.image_ids.size()),
                    static_cast<long long>(e.texts.size()));
    return {buffer<B, int>(std::span<const int>(e.image_ids)), buffer<B, int>(std::span<const int>(own)),
            shares<B>(C.momentum ? std::span<const int>() : std::span<const int>(e.image_ids))};
  }

  // Restores the temperature's range.
  template <class B, class H>
  void begin(device<B>& d, arena<B>& values, const H& head) const {
    if (options_.clamp) kernels<B>::clamp(d, values.view(head.temperature()), options_.lowest, options_.highest);
  }

  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H& head, const data<B>& d, state<B>& queue) const {
    using T = typename P::tape_type;
    T& t = pass.tape;
    const auto [image, text] = features(pass, head);
    pass.show("image_feature", image), pass.show("text_feature", text);
    const bool everywhere = options_.negatives == negatives_from::all_ranks;
    single_process<B> alone;
    communicator<B>& ranks = everywhere ? pass.ranks : alone;
    const negatives_from from = options_.hard_negatives.value_or(options_.negatives);
    pass.similar_to = from;
    const auto drawn = [&](const auto& x) { return from == negatives_from::all_ranks ? ops::gather_ranks(t, x, pass.ranks) : x; };
    if constexpr (!C.momentum) {
      const int pairs = image.rows();
      if (d.shares.size() > 0 && everywhere && ranks.ranks() > 1)
        throw config_error({"itc: image ids, without a momentum model", "negatives_from::local", "all_ranks", {}});
      const auto side = [&](const scores<T>& s) {
        if (d.shares.size() == 0) return ops::mean_labelled(t, ops::cross_entropy(t, s, d.positions.data()));
        return ops::mean_labelled(
            t, ops::soft_cross_entropy(t, s, scores<T>(t.input({d.shares.data(), pairs, pairs, pairs, nullptr}))));
      };
      const auto i2t = ops::similarity(t, image, ops::gather_ranks(t, text, ranks), &head.temperature());
      const auto t2i = ops::similarity(t, text, ops::gather_ranks(t, image, ranks), &head.temperature());
      if (from == options_.negatives)
        pass.image_to_text = i2t, pass.text_to_image = t2i;
      else
        provide(pass, head, image, text, drawn(text), drawn(image));
      return ops::scale(t, ops::add(t, side(i2t), side(t2i)), 0.5);
    } else {
      const auto [image_m, text_m] = features(*pass.momentum, head);
      pass.show("momentum.image_feature", image_m), pass.show("momentum.text_feature", text_m);
      using M = typename P::momentum_type::tape_type;
      const auto here = [&](const var<M, C.width>& x) { return var<T, C.width>(t.detached(x.ref())); };
      const int n = image.rows(), first = everywhere ? n * ranks.rank() : 0;
      const int* const ids = d.ids.size() > 0 ? d.ids.data() : nullptr;
      // What enters the queue comes from all ranks, whatever the batch is told from.
      const auto all_images = ops::gather_ranks(t, here(image_m), pass.ranks);
      const auto all_texts = ops::gather_ranks(t, here(text_m), pass.ranks);
      typename state<B>::arrival arrival{all_images.ref(), all_texts.ref(), {}};
      if (ids) {
        arrival.ids.emplace(t.device(), all_images.rows());
        pass.ranks.all_gather(ids, arrival.ids->data(), static_cast<std::size_t>(n) * sizeof(int));
      }
      const int* const all_ids = ids ? arrival.ids->data() : nullptr;
      queue.arrivals.push_back(std::move(arrival));
      const auto images = everywhere ? all_images : here(image_m), texts = everywhere ? all_texts : here(text_m);
      const auto side = [&](const var<T, C.width>& x, const var<T, C.width>& keys, const feature_queue<B>& earlier,
                            const var<M, C.width>& teacher) {
        const ops::contrast_keys<B> k{keys.ref(), earlier.view(), pass.alpha > 0 ? teacher.ref() : tensor<B>{}, pass.alpha,
                                      first, ids, everywhere ? all_ids : ids, ids ? queue.ids.data() : nullptr};
        return ops::mean_labelled(t, ops::contrast(t, x, k, head.temperature()));
      };
      const auto i2t = side(image, texts, queue.texts, image_m), t2i = side(text, images, queue.images, text_m);
      pass.show("loss_i2t", i2t), pass.show("loss_t2i", t2i);
      if (options_.similarity == similarity_columns::online)
        provide(pass, head, image, text, drawn(text), drawn(image));
      else if (from == negatives_from::all_ranks)
        provide(pass, head, image, text, all_texts, all_images);
      else
        provide(pass, head, image, text, here(text_m), here(image_m));
      return ops::scale(t, ops::add(t, i2t, t2i), 0.5);
    }
  }

 private:
  template <class B>
  static buffer<B, typename B::scalar> shares(std::span<const int> ids) {
    std::vector<typename B::scalar> all;
    for (const int row : ids)
      for (const int column : ids)
        all.emplace_back(row == column ? 1.0 / static_cast<double>(std::count(ids.begin(), ids.end(), row)) : 0.0);
    return buffer<B, typename B::scalar>(std::span<const typename B::scalar>(all));
  }

  // The similarities, which are only sampled from.
  template <class P, class H, class V>
  static void provide(P& pass, const H& head, const V& image, const V& text, const V& texts, const V& images) {
    const auto quiet = pass.tape.paused();
    pass.image_to_text = ops::similarity(pass.tape, image, texts, &head.temperature());
    pass.text_to_image = ops::similarity(pass.tape, text, images, &head.temperature());
  }
  template <class P, class H>
  static auto features(P& pass, const H& head) {
    struct pair {
      var<typename P::tape_type, C.width> image, text;
    };
    return pair{head.image(pass.tape, pass.class_states), head.text(pass.tape, pass.feature_states)};
  }

  itc_options options_;
};

}  // namespace blip::inline BLIP_ABI
