// SPDX-License-Identifier: Apache-2.0
//
// Every target on every input of its folder, and on damaged copies of the sound ones (seed*). BLIP_MUTATIONS: how many
// random ones for each target.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "blip/core/philox.hpp"
#include "fuzz/live_bytes.hpp"
#include "fuzz/target.hpp"
#include "support/catch.hpp"

using namespace blip_test;

namespace {

struct input {
  std::string name;
  std::vector<std::byte> bytes;
};

std::vector<input> inputs_of(const fuzz_target& target, const std::string& prefix = "") {
  std::vector<input> all;
  const std::filesystem::path folder = std::filesystem::path(BLIP_FUZZ_CORPUS) / target.name;
  if (!std::filesystem::exists(folder)) return all;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (!file.path().filename().string().starts_with(prefix)) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text));
    all.push_back({file.path().filename().string(), {bytes.begin(), bytes.end()}});
  }
  std::sort(all.begin(), all.end(), [](const input& a, const input& b) { return a.name < b.name; });
  return all;
}

// One run: what came out, and how long it took.
struct watched_run {
  verdict found;
  double seconds;
};

// One run, within a second and with the memory that the target declares. `what` says which input it was.
template <class What>
watched_run watched(const fuzz_target& target, const std::vector<std::byte>& bytes, What what) {
  const long long before = live_bytes;
  most_live_bytes = before;
  const auto start = std::chrono::steady_clock::now();
  watched_run r{verdict::refused, 0};
  try {
    r.found = attempt(target, bytes);
  } catch (const std::exception& e) {
    FAIL(target.name << ": " << what() << ": " << e.what());
  }
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const long long held = most_live_bytes - before;
  const auto allowed = static_cast<long long>(target.each * bytes.size() + target.fixed);
  if (r.seconds > 1) FAIL(target.name << ": " << what() << " took " << r.seconds << " s");
  if (held > allowed) FAIL(target.name << ": " << what() << " held " << held << " bytes, not " << allowed);
  return r;
}

// How many damaged copies; who asks for a number is told what came of them.
const char* const asked_for = std::getenv("BLIP_MUTATIONS");
int mutations() { return asked_for ? std::atoi(asked_for) : 2'000; }

// A copy with one to eight changes: bytes overwritten by others or by the ends of the number line, removed, repeated.
std::vector<std::byte> damaged(const std::vector<std::byte>& good, std::uint32_t number) {
  std::vector<std::byte> bytes = good;
  const auto draw = [&](std::uint32_t k) { return blip::philox({number, k, 0, 0}, {3, 5}); };
  const std::uint32_t changes = 1 + draw(0)[0] % 8;
  for (std::uint32_t k = 1; k <= changes && !bytes.empty(); ++k) {
    const auto d = draw(k);
    // Half of the changes hit the first 64 bytes, where headers are.
    const std::size_t at = d[0] % (d[3] & 1 ? bytes.size() : std::min<std::size_t>(bytes.size(), 64));
    const std::size_t length = std::min<std::size_t>(1 + (d[1] >> 8) % 8, bytes.size() - at);
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto to = from + static_cast<std::ptrdiff_t>(length);
    switch (d[1] % 6) {
      case 0:
        *from = std::byte(d[2] & 255);
        break;
      case 1:
        std::fill(from, to, std::byte(d[2] & 1 ? 0xff : 0));
        break;
      case 2:
        *from ^= std::byte(1 << d[2] % 8);
        break;
      case 3:
        bytes.erase(from, to);
        break;
      case 4: {
        const std::vector<std::byte> piece(from, to);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(d[2] % bytes.size()), piece.begin(), piece.end());
        break;
      }
      default:
        std::swap(*from, bytes[d[2] % bytes.size()]);
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("hostile input: every target has sound inputs, and reads them") {
  for (const fuzz_target& target : fuzz_targets()) {
    INFO(target.name);
    const auto seeds = inputs_of(target, "seed");
    CHECK(!seeds.empty());
    for (const input& seed : seeds) {
      INFO(seed.name);
      CHECK(watched(target, seed.bytes, [&] { return seed.name; }).found == verdict::read);
    }
  }
}

TEST_CASE("hostile input: what once was a finding is read or refused") {
  for (const fuzz_target& target : fuzz_targets())
    for (const input& one : inputs_of(target)) watched(target, one.bytes, [&] { return one.name; });
}

TEST_CASE("hostile input: a file may end anywhere") {
  for (const fuzz_target& target : fuzz_targets())
    for (const input& seed : inputs_of(target, "seed")) {
      if (seed.bytes.size() > 4'096) continue;
      for (std::size_t n = 0; n < seed.bytes.size(); ++n)
        watched(target, {seed.bytes.begin(), seed.bytes.begin() + static_cast<std::ptrdiff_t>(n)},
                [&] { return seed.name + " cut to " + std::to_string(n) + " bytes"; });
    }
}

TEST_CASE("hostile input: any byte of a header may be another") {
  for (const fuzz_target& target : fuzz_targets())
    for (const input& seed : inputs_of(target, "seed")) {
      if (seed.bytes.size() > 4'096) continue;
      for (std::size_t i = 0; i < std::min<std::size_t>(seed.bytes.size(), 1'024); ++i)
        for (const std::byte flipped : {std::byte{0xff}, std::byte{1}, std::byte{0x80}}) {
          std::vector<std::byte> bytes = seed.bytes;
          bytes[i] ^= flipped;
          watched(target, bytes, [&] { return seed.name + " with another byte " + std::to_string(i); });
        }
    }
}

TEST_CASE("hostile input: random damage") {
  if (asked_for) std::printf("| target | damaged inputs | read | refused | slowest ms |\n|---|---|---|---|---|\n");
  for (const fuzz_target& target : fuzz_targets()) {
    const auto seeds = inputs_of(target, "seed");
    int read = 0, refused = 0;
    double slowest = 0;
    for (std::uint32_t n = 0; !seeds.empty() && n < static_cast<std::uint32_t>(mutations()); ++n) {
      const input& seed = seeds[n % seeds.size()];
      const watched_run r = watched(target, damaged(seed.bytes, n),
                                    [&] { return seed.name + " damaged, number " + std::to_string(n); });
      ++(r.found == verdict::read ? read : refused);
      slowest = std::max(slowest, r.seconds);
    }
    if (asked_for)
      std::printf("| %s | %d | %d | %d | %.1f |\n", target.name, read + refused, read, refused, 1e3 * slowest);
  }
}
