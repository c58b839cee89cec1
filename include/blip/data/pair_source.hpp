// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// A picture and a caption of it. The id names the picture: captions of one picture share it.
struct captioned_picture {
  image picture;
  std::string caption;
  std::string id;

  friend bool operator==(const captioned_picture&, const captioned_picture&) = default;
};

// Whatever holds pairs: sample(i) is a pure function of i that several threads may call at once, and throws blip::error
// for a sample that is broken. It may have sample(i, turn) as well, where turn counts the epochs: then another of several
// captions can be picked in each.
template <class S>
concept pair_source = requires(const S& s, std::uint64_t i) {
  { s.size() } -> std::same_as<std::uint64_t>;
  { s.sample(i) } -> std::same_as<captioned_picture>;
};

// Any pair_source behind one type. `block` is how many neighbours stay together when the order is shuffled: what the
// source's own block() says, else 1.
class any_pairs {
 public:
  template <pair_source S>
    requires(!std::same_as<S, any_pairs>)
  any_pairs(S source)  // NOLINT(google-explicit-constructor)
      : self_(std::make_shared<holder<S>>(std::move(source))) {}

  std::uint64_t size() const { return self_->size(); }
  std::uint64_t block() const { return self_->block(); }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn = 0) const { return self_->sample(i, turn); }
  // The id of sample i's picture: by the source's own name(i) if it has one, else by making the sample.
  std::string id(std::uint64_t i) const { return self_->id(i); }

 private:
  struct face {
    virtual ~face() = default;
    virtual std::uint64_t size() const = 0;
    virtual std::uint64_t block() const = 0;
    virtual captioned_picture sample(std::uint64_t i, std::uint64_t turn) const = 0;
    virtual std::string id(std::uint64_t i) const = 0;
  };
  template <class S>
  struct holder final : face {
    explicit holder(S s) : source(std::move(s)) {}
    std::uint64_t size() const override { return source.size(); }
    std::uint64_t block() const override {
      if constexpr (requires { source.block(); })
        return source.block();
      else
        return 1;
    }
    captioned_picture sample(std::uint64_t i, std::uint64_t turn) const override {
      if constexpr (requires { source.sample(i, turn); })
        return source.sample(i, turn);
      else
        return source.sample(i);
    }
    std::string id(std::uint64_t i) const override {
      if constexpr (requires { source.name(i); })
        return source.name(i);
      else
        return source.sample(i).id;
    }
    S source;
  };

  std::shared_ptr<const face> self_;
};

}  // namespace blip::inline BLIP_ABI
