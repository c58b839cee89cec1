// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <type_traits>

#include "blip/config/towers.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <int Got, int Expected>
consteval bool text_reads_vision() {
  static_assert(Got == Expected, "blip::towers: the text encoder's context is not the vision tower's width");
  return Got == Expected;
}
template <int Context, int Vision, int Text>
consteval bool decoder_reads_a_tower() {
  static_assert(Context == Vision || Context == Text,
                "blip::towers: the decoder's context is neither the vision tower's width nor the text encoder's");
  return Context == Vision || Context == Text;
}
template <bool Same>
consteval bool decoder_can_share() {
  static_assert(Same, "blip::towers: a decoder that shares parameters must have the text encoder's configuration");
  return Same;
}
constexpr bool same_structure(const text_config& a, const text_config& b) {
  return a.width == b.width && a.heads == b.heads && a.hidden == b.hidden && a.context == b.context && a.cross == b.cross &&
         a.reading == b.reading;
}

template <tower_config C>
consteval bool tower_rules() {
  constexpr bool vision = C.vision.width > 0, text = C.text.width > 0, decoder = C.decoder.width > 0;
  static_assert(vision || text || decoder, "blip::towers: no tower; set tower_config::vision, ::text or ::decoder");
  static_assert(!C.masked_head || text, "blip::towers: masked_head is a head on the text encoder; set tower_config::text");
  static_assert(C.sharing == decoder_sharing::none || decoder,
                "blip::towers: tower_config::sharing says what a decoder shares; set ::decoder");
  static_assert(!decoder || C.decoder.cross != cross_schedule::none,
                "blip::towers: a decoder without cross-attention reads nothing; set text_config::cross");
  bool ok = (vision || text || decoder) && (!C.masked_head || text) &&
            (C.sharing == decoder_sharing::none || decoder) && (!decoder || C.decoder.cross != cross_schedule::none);
  if constexpr (vision && text && C.text.cross != cross_schedule::none)
    ok = ok && text_reads_vision<C.text.context, C.vision.width>();
  if constexpr (decoder && C.decoder.cross != cross_schedule::none && (vision || text))
    ok = ok && decoder_reads_a_tower<C.decoder.context, C.vision.width, C.text.width>();
  if constexpr (decoder && C.sharing != decoder_sharing::none)
    ok = ok && decoder_can_share<same_structure(C.decoder, C.text)>();
  return ok;
}

// A part that is there or not.
struct no_part {
  template <class O>
  explicit no_part(const O&) {}
};

// A text tower with a word head, tied to its word table; names as in `BertForMaskedLM` and `BertLMHeadModel`.
template <text_config C, class B>
struct language_model {
  explicit language_model(const text_options& o) : text(o), head(o.embedding.vocabulary, o.norm_eps) {
    text.words().multiplies_too();
  }

  text_transformer<C, B> text;
  lm_head<C.width, B> head;

  template <class T>
  scores<T> logits(T& t, const var<T, C.width>& rows) const {
    return head.forward(t, rows, text.words());
  }
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("bert", self.text);
    f("cls.predictions", self.head);
    f("cls.predictions.decoder.weight", self.text.words());
  }
};

// A tower that is not there must not even be named: its rules would ask for a width.
template <tower_config C, class B>
consteval auto vision_part() {
  if constexpr (C.vision.width > 0)
    return std::type_identity<vit<C.vision, B>>{};
  else
    return std::type_identity<no_part>{};
}
template <tower_config C, class B>
consteval auto text_part() {
  if constexpr (C.masked_head)
    return std::type_identity<language_model<C.text, B>>{};
  else if constexpr (C.text.width > 0)
    return std::type_identity<text_transformer<C.text, B>>{};
  else
    return std::type_identity<no_part>{};
}
template <tower_config C, class B>
consteval auto decoder_part() {
  if constexpr (C.decoder.width > 0)
    return std::type_identity<language_model<C.decoder, B>>{};
  else
    return std::type_identity<no_part>{};
}

// The width of a tower's rows, 1 where there is none (nobody reads them).
constexpr int row_width(int width) { return width > 0 ? width : 1; }

}  // namespace detail

// The towers of ALBEF, BLIP and what else can be made of the same parts: a vision tower, a text encoder that reads images
// in no layer, from some layer on or in all, a causal decoder that reads images or the encoder's states and shares what
// `sharing` says. Losses call the members below; any class that has those it needs can stand in its place.
// Names as in the published checkpoints: visual_encoder, text_encoder(.bert, .cls), text_decoder(.bert, .cls).
template <tower_config C, class B, bool = detail::tower_rules<C>() && detail::back_end_rules<B>()>
class towers {};

template <tower_config C, backend B>
class towers<C, B, true> {
 public:
  using backend_type = B;
  static constexpr tower_config structure = C;
  static constexpr bool has_vision = C.vision.width > 0, has_text = C.text.width > 0, has_decoder = C.decoder.width > 0;
  static constexpr bool has_fusion = has_vision && has_text && C.text.cross != cross_schedule::none;
  static constexpr bool reads_pairs = C.text.reading != picture_reading::one;  // every text two pictures
  // A decoder of another width than the images' reads the encoder's states; one of equal width may read either.
  static constexpr bool decoder_reads_images = has_decoder && has_vision && C.decoder.context == C.vision.width;
  static constexpr bool has_masked_words = C.masked_head, averages_decoder = C.average_decoder;
  // Whether text alone ends where reading begins, so that its states can be carried on (ALBEF) or not (BLIP).
  static constexpr bool fuses_states = C.text.cross == cross_schedule::from_layer;
  static constexpr int image_width = detail::row_width(C.vision.width), text_width = detail::row_width(C.text.width);
  static constexpr int decoder_width = detail::row_width(C.decoder.width);
  static constexpr int patch = C.vision.patch;  // pixels of a patch's side

  explicit towers(const tower_options& o) : vision_(o.vision), text_(o.text), decoder_(o.decoder) {}

  template <class T>
  struct image_rows {
    var<T, image_width> rows;
    sequence_layout layout;
  };
  template <class T>
  using text_rows = var<T, text_width>;
  template <class T>
  using context = projected_context<T, text_width>;
  template <class T>
  using decoder_context = projected_context<T, decoder_width>;

  // `watch` gets what the attention of one layer computes.
  template <class T>
  image_rows<T> images(T& t, const blip::images<T>& pixels, const watched_layer<T>& watch = {}) const {
    return {vision_.forward(t, pixels, [](int, const auto&) {}, watch), vision_.layout(pixels)};
  }
  // The class row of each picture alone, [pictures, image width].
  template <class T>
  var<T, image_width> class_states(T& t, const blip::images<T>& pixels) const {
    return vision_.forward_first(t, pixels);
  }
  template <class T>
  text_rows<T> text(T& t, const int* ids, const sequence_layout& layout) const {
    return encoder().text(t, ids, layout, C.causal_text);
  }
  // The first row of each text alone, [texts, text width], where text is not causal.
  template <class T>
  text_rows<T> multimodal_first(T& t, const int* ids, const sequence_layout& layout, const context<T>& read,
                                source_index source) const {
    static_assert(!C.causal_text, "blip::towers: the first row of a causal text knows only itself");
    return encoder().multimodal_first(t, ids, layout, read, source);
  }
  template <class T>
  text_rows<T> fuse_first(T& t, const text_rows<T>& x, const sequence_layout& layout, const context<T>& read,
                          source_index source) const {
    static_assert(!C.causal_text, "blip::towers: the first row of a causal text knows only itself");
    return encoder().fuse_first(t, x, layout, read, source);
  }
  // The row of each text that stands for it: [CLS], or with causal text the last one.
  const int* feature_rows(const text_batch<B>& texts) const {
    return C.causal_text ? texts.ends() : texts.layout().begins;
  }
  // These rows alone, [texts, text width].
  template <class T>
  text_rows<T> feature_states(T& t, const text_batch<B>& texts) const {
    if constexpr (C.causal_text)
      return ops::gather_rows(t, text(t, texts.ids(), texts.layout()), texts.ends(), texts.layout().sequences);
    else
      return encoder().text_first(t, texts.ids(), texts.layout());
  }
  template <class T>
  context<T> project(T& t, const image_rows<T>& x) const {
    return encoder().project(t, x.rows, x.layout);
  }
  // The same of pairs: the first pictures of all texts, then the second ones.
  template <class T>
  context<T> project_pairs(T& t, const image_rows<T>& x) const {
    return encoder().project_pairs(t, x.rows, x.layout);
  }
  template <class T>
  text_rows<T> multimodal(T& t, const int* ids, const sequence_layout& layout, const context<T>& read,
                          source_index source) const {
    return encoder().multimodal(t, ids, layout, read, source, C.causal_text);
  }
  template <class T>
  text_rows<T> fuse(T& t, const text_rows<T>& x, const sequence_layout& layout, const context<T>& read,
                    source_index source) const {
    return encoder().fuse(t, x, layout, read, source, C.causal_text);
  }
  template <class T>
  scores<T> masked_logits(T& t, const text_rows<T>& rows) const {
    return text_.logits(t, rows);
  }

  // What the decoder reads of the images: the encoder's projections where it shares their weights.
  template <class T>
  decoder_context<T> decoder_reads(T& t, const image_rows<T>& x, const context<T>& encoder_reads) const {
    if constexpr (shares_projections)
      if (encoder_reads.layers.size() > 0) return encoder_reads;
    return decoder_.text.project(t, x.rows, x.layout);
  }
  // The same of the encoder's states.
  template <class T, int K>
  decoder_context<T> project_states(T& t, const var<T, K>& states, const sequence_layout& layout,
                                    bool packed = false) const {
    return decoder_.text.project(t, states, layout, packed);
  }
  template <class T>
  var<T, decoder_width> decode(T& t, const int* ids, const sequence_layout& layout, const decoder_context<T>& read,
                               source_index source) const {
    return decoder_.text.multimodal(t, ids, layout, read, source, true);
  }
  template <class T>
  scores<T> decoder_logits(T& t, const var<T, decoder_width>& rows) const {
    return decoder_.logits(t, rows);
  }

  // The towers themselves; the decoder is {text, head}: for generation.
  const auto& vision() const { return vision_; }
  const auto& text_encoder() const { return encoder(); }
  const auto& decoder() const { return decoder_; }

  int vocabulary() const {
    if constexpr (has_text)
      return encoder().vocabulary();
    else
      return decoder_.text.vocabulary();
  }

  sequence_layout image_layout(int count, int height, int width) const { return vision_.layout(count, height, width); }

  // What a momentum model averages, and the rest.
  template <class Self, class F>
  static void averaged(Self& self, F&& f) {
    if constexpr (has_vision) f("visual_encoder", self.vision_);
    if constexpr (has_text) f("text_encoder", self.text_);
    if constexpr (has_decoder && C.average_decoder) f("text_decoder", self.decoder_);
  }
  template <class Self, class F>
  static void others(Self& self, F&& f) {
    if constexpr (has_decoder && !C.average_decoder) f("text_decoder", self.decoder_);
  }
  static void ties(towers& self, arena_layout& layout) {
    if constexpr (has_text) std::remove_cvref_t<decltype(self.encoder())>::ties(self.encoder(), layout);
    if constexpr (C.sharing != decoder_sharing::none)
      layout.tie(self.decoder_.text, self.encoder(), [](std::string_view path) {
        const bool layer = path.starts_with("encoder.layer.");
        const bool self_attention = path.find(".attention.") != path.npos;
        const bool cross = path.find(".crossattention.") != path.npos;
        switch (C.sharing) {
          case decoder_sharing::all_but_self_attention: return layer && self_attention;
          case decoder_sharing::all_but_cross_attention: return layer && cross;
          case decoder_sharing::all_but_feed_forward: return layer && !cross && !self_attention;
          default: return false;
        }
      });
  }

 private:
  static constexpr bool shares_projections =
      (C.sharing == decoder_sharing::all || C.sharing == decoder_sharing::all_but_self_attention ||
       C.sharing == decoder_sharing::all_but_feed_forward) &&
      C.decoder.context == C.vision.width;

  template <class Self>
  static auto& encoder_of(Self& self) {
    if constexpr (C.masked_head)
      return self.text_.text;
    else
      return self.text_;
  }
  auto& encoder() { return encoder_of(*this); }
  const auto& encoder() const { return encoder_of(*this); }

  [[no_unique_address]] typename decltype(detail::vision_part<C, B>())::type vision_;
  [[no_unique_address]] typename decltype(detail::text_part<C, B>())::type text_;
  [[no_unique_address]] typename decltype(detail::decoder_part<C, B>())::type decoder_;
};

}  // namespace blip::inline BLIP_ABI
