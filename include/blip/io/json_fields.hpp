// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"

namespace blip::inline BLIP_ABI {

// The fields of a small JSON file, such as config.json, by type and bounds. A field that is absent or null has the
// value that the caller gives. Throws io_error, limit_error, format_error (with file and field).
class json_fields {
 public:
  [[gnu::cold]] explicit json_fields(const std::string& path, const limits& bounds = {})
      : where_(path), document_(std::make_shared<document>()) {
    document_->text = simdjson::padded_string(read_file<std::string>(path, bounds.json_bytes, "bytes of the file"));
    if (document_->parser.allocate(document_->text.size(), static_cast<std::size_t>(bounds.json_depth)) !=
        simdjson::SUCCESS)
      throw std::bad_alloc();
    simdjson::dom::element all;
    if (const auto e = document_->parser.parse(document_->text).get(all))
      fail("", "a JSON object", simdjson::error_message(e));
    if (all.get(object_)) fail("", "a JSON object", "another value");
  }

  // An object in a field; none when it is absent.
  [[gnu::cold]] std::optional<json_fields> object(std::string_view name) const {
    const auto value = find(name);
    if (!value) return std::nullopt;
    json_fields inner(*this);
    inner.path_ = path_ + std::string(name) + ".";
    if (value->get(inner.object_)) fail(name, "an object", "another value");
    return inner;
  }

  bool has(std::string_view name) const { return find(name).has_value(); }

  [[gnu::cold]] int integer(std::string_view name, int otherwise, int least = 0, int most = 1 << 24) const {
    const auto value = find(name);
    if (!value) return otherwise;
    std::int64_t n = 0;
    if (value->get(n) || n < least || n > most)
      fail(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
           simdjson::minify(*value));
    return static_cast<int>(n);
  }
  [[gnu::cold]] double number(std::string_view name, double otherwise) const {
    const auto value = find(name);
    if (!value) return otherwise;
    double n = 0;
    if (value->get(n) || !std::isfinite(n)) fail(name, "a number", simdjson::minify(*value));
    return n;
  }
  [[gnu::cold]] bool truth(std::string_view name, bool otherwise) const {
    const auto value = find(name);
    if (!value) return otherwise;
    bool b = false;
    if (value->get(b)) fail(name, "true or false", simdjson::minify(*value));
    return b;
  }
  [[gnu::cold]] std::string text(std::string_view name, std::string_view otherwise) const {
    const auto value = find(name);
    std::string_view s = otherwise;
    if (value && value->get(s)) fail(name, "a text", simdjson::minify(*value));
    return std::string(s);
  }
  // Texts and numbers of a list; empty when it is absent.
  template <class T>
  [[gnu::cold]] std::vector<T> list(std::string_view name, const char* of) const {
    std::vector<T> all;
    const auto value = find(name);
    if (!value) return all;
    simdjson::dom::array array;
    if (value->get(array)) fail(name, std::string("a list of ") + of, simdjson::minify(*value));
    for (const auto item : array) {
      std::conditional_t<std::is_same_v<T, std::string>, std::string_view, T> v{};
      if (item.get(v)) fail(name, std::string("a list of ") + of, simdjson::minify(*value));
      all.emplace_back(v);
    }
    return all;
  }

  [[noreturn, gnu::cold]] void fail(std::string_view name, std::string_view expected, std::string_view found,
                                    std::string_view hint = {}) const {
    throw format_error(
        {where_ + (name.empty() ? "" : ": " + path_ + std::string(name)), expected, detail::one_line(found, 64), hint});
  }

 private:
  struct document {
    simdjson::padded_string text;
    simdjson::dom::parser parser;
  };

  std::optional<simdjson::dom::element> find(std::string_view name) const {
    simdjson::dom::element value;
    std::optional<simdjson::dom::element> found;
    for (const auto [key, v] : object_)
      if (key == name) {
        if (found) fail(name, "a field once", "twice");
        found = v;
      }
    if (found && found->is_null()) return std::nullopt;
    return found;
  }

  std::string where_, path_;
  std::shared_ptr<document> document_;
  simdjson::dom::object object_;
};

}  // namespace blip::inline BLIP_ABI
