// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "archives.hpp"
#include "blip/io/torch_archive.hpp"
#include "support/catch.hpp"

namespace blip_test {

using namespace blip;

// A storage of six numbers, and a tensor [2, 3] on it.
inline const std::string six = raw(std::vector<float>{0, 1, 2, 3, 4, 5});
inline const std::string on_six = p_storage("0", 6);
inline const std::string plain = p_tensor(on_six, 0, {2, 3}, {3, 1});

struct torch_file {
  scratch_folder folder{"torch"};
  limits bounds{};

  // Opens it in both containers, which must agree, and reads every tensor.
  std::string opened(const std::string& program, const storages& s = {{"0", six}}) const {
    const auto attempt = [&](const std::string& path) {
      return outcome([&] {
        const torch_archive a(path, bounds);
        for (const auto& t : a.tensors()) CHECK(a.read<double>(t).size() == t.elements());
      });
    };
    const std::string zip = attempt(folder.put("x.pth", make_torch_zip(program, s)));
    const std::string legacy = attempt(folder.put("y.pth", make_torch_legacy(program, s)));
    CHECK(zip == legacy);
    return zip;
  }
  std::string value(const std::string& v) const { return opened(p_program(p_dict({{"t", v}}))); }
  std::string beside(const std::string& v) const { return opened(p_program(p_dict({{"t", plain}, {"other", v}}))); }
  torch_archive with(const std::string& value, const storages& s = {{"0", six}}) const {
    return torch_archive(folder.put("x.pth", make_torch_zip(p_program(value), s)), bounds);
  }
  std::vector<std::string> names(const std::string& value) const {
    std::vector<std::string> n;
    const torch_archive a = with(value);
    for (const auto& t : a.tensors()) n.push_back(t.name);
    return n;
  }
};

}  // namespace blip_test
