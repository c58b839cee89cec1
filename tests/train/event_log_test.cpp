// SPDX-License-Identifier: Apache-2.0
#include "blip/train/event_log.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

template <class T>
T take(std::string& bytes) {
  T v;
  REQUIRE(bytes.size() >= sizeof v);
  std::memcpy(&v, bytes.data(), sizeof v);
  bytes.erase(0, sizeof v);
  return v;
}

std::uint32_t masked_crc(const std::string& bytes) {
  std::uint32_t r = ~0u;
  for (const char c : bytes) {
    r ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ (r & 1 ? 0x82f63b78u : 0u);
  }
  r = ~r;
  return ((r >> 15) | (r << 17)) + 0xa282ead8u;
}

std::vector<std::string> records(std::string file) {
  std::vector<std::string> out;
  while (!file.empty()) {
    const std::string length = file.substr(0, 8);
    const auto n = take<std::uint64_t>(file);
    REQUIRE(take<std::uint32_t>(file) == masked_crc(length));
    REQUIRE(file.size() >= n + 4);
    out.push_back(file.substr(0, n));
    file.erase(0, n);
    REQUIRE(take<std::uint32_t>(file) == masked_crc(out.back()));
  }
  return out;
}

// One field of a protocol buffers message: its number, and its value as an integer, as bits, or as bytes.
struct field {
  std::uint64_t number = 0, value = 0;
  std::string bytes{};
};
std::uint64_t varint(std::string& s) {
  std::uint64_t v = 0;
  for (int shift = 0;; shift += 7) {
    const auto b = take<unsigned char>(s);
    v |= static_cast<std::uint64_t>(b & 127) << shift;
    if (b < 128) return v;
  }
}
std::vector<field> fields(std::string s) {
  std::vector<field> out;
  while (!s.empty()) {
    const auto key = varint(s);
    field f{key >> 3};
    switch (key & 7) {
      case 0:
        f.value = varint(s);
        break;
      case 1:
        f.value = take<std::uint64_t>(s);
        break;
      case 5:
        f.value = take<std::uint32_t>(s);
        break;
      case 2: {
        const auto n = varint(s);
        REQUIRE(s.size() >= n);
        f.bytes = s.substr(0, n), s.erase(0, n);
        break;
      }
      default:
        FAIL("wire type " << (key & 7));
    }
    out.push_back(f);
  }
  return out;
}

struct scalar {
  double time;
  std::int64_t step;
  std::string tag;
  float value;
};
std::vector<scalar> scalars(const std::string& record) {
  const auto event = fields(record);
  REQUIRE(event.size() == 3);
  CHECK((event[0].number == 1 && event[1].number == 2 && event[2].number == 5));
  std::vector<scalar> out;
  for (const auto& v : fields(event[2].bytes)) {
    REQUIRE(v.number == 1);
    const auto value = fields(v.bytes);
    REQUIRE(value.size() == 2);
    CHECK((value[0].number == 1 && value[1].number == 2));
    out.push_back({std::bit_cast<double>(event[0].value), static_cast<std::int64_t>(event[1].value), value[0].bytes,
                   std::bit_cast<float>(static_cast<std::uint32_t>(value[1].value))});
  }
  return out;
}

}  // namespace

TEST_CASE("event_log: records hold the version, then scalars with step and time", "[train]") {
  const temporary_folder run;
  double now = 1'700'000'000.25;
  event_log log(run / "events", {}, [&] { return now; });
  const std::string long_tag(300, 't');
  const double infinite = std::numeric_limits<double>::infinity();
  const named_number first[] = {{"loss/itc", 1.5}, {long_tag, -0.1}};
  const named_number second[] = {{"loss/itc", infinite}, {"", std::nan("")}};
  now += 1, log.write(1, first);
  now += 1, log.write(std::int64_t{1} << 40, second);

  CHECK(std::filesystem::path(log.path()).filename().string().starts_with("events.out.tfevents.1700000000."));
  const auto all = records(get(log.path()));
  REQUIRE(all.size() == 3);
  const auto first_event = fields(all[0]);
  REQUIRE(first_event.size() == 2);
  CHECK(first_event[0].number == 1);
  CHECK(std::bit_cast<double>(first_event[0].value) == 1'700'000'000.25);
  CHECK(first_event[1].number == 3);
  CHECK(first_event[1].bytes == "brain.Event:2");
  const auto a = scalars(all[1]), b = scalars(all[2]);
  REQUIRE((a.size() == 2 && b.size() == 2));
  CHECK((a[0].time == 1'700'000'001.25 && a[0].step == 1 && a[0].tag == "loss/itc" && a[0].value == 1.5f));
  CHECK((a[1].tag == long_tag && a[1].value == -0.1f));
  CHECK((b[0].step == std::int64_t{1} << 40 && b[0].time == 1'700'000'002.25 && std::isinf(b[0].value)));
  CHECK((b[1].tag.empty() && std::isnan(b[1].value)));
}

TEST_CASE("event_log: a run that goes on has a later file that begins with a restart", "[train]") {
  const temporary_folder run;
  const auto clock = [] { return 1'700'000'000.0; };  // three logs in one second
  std::vector<std::string> paths;
  for (int i = 0; i < 3; ++i) {
    event_log log(run.path.string(), i > 0 ? std::optional<std::int64_t>(7) : std::nullopt, clock);
    const named_number n[] = {{"loss", static_cast<double>(i)}};
    log.write(8, n);
    paths.push_back(log.path());
  }
  CHECK(std::is_sorted(paths.begin(), paths.end()));
  CHECK((paths[0] != paths[1] && paths[1] != paths[2]));
  CHECK(records(get(paths[0])).size() == 2);
  const auto all = records(get(paths[2]));
  REQUIRE(all.size() == 3);
  const auto restart = fields(all[1]);
  REQUIRE(restart.size() == 3);
  CHECK((restart[1].number == 2 && restart[1].value == 8));  // steps from 8 on are forgotten
  CHECK(restart[2].number == 7);
  const auto session = fields(restart[2].bytes);
  REQUIRE(session.size() == 1);
  CHECK((session[0].number == 1 && session[0].value == 1));  // START
  CHECK(scalars(all[2])[0].value == 2);
}

TEST_CASE("event_log: a record that does not fit is taken back", "[train]") {
  const temporary_folder run;
  event_log log(run.path.string());
  const named_number n[] = {{"loss", 1}};
  log.write(1, n);
  const std::string before = get(log.path());
  rlimit bound{};
  ::getrlimit(RLIMIT_FSIZE, &bound);
  rlimit tight = bound;
  tight.rlim_cur = before.size() + 5;
  const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tight);
  CHECK_THROWS_AS(log.write(2, n), io_error);
  ::setrlimit(RLIMIT_FSIZE, &bound);
  ::signal(SIGXFSZ, ignored);
  CHECK(get(log.path()) == before);
  log.write(2, n);
  CHECK(records(get(log.path())).size() == 3);
}
