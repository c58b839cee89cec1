// SPDX-License-Identifier: Apache-2.0
#include "goals/report.hpp"

#include <cstdio>

namespace goals {

namespace {

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}
// The whole number, for machines.
std::string exact(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", x);
  return text;
}

std::string sums(const cost& c, double seconds) {
  return "\"flop\": " + exact(c.flop) + ", \"packed_flop\": " + exact(c.packed) + ", \"bytes_read\": " + exact(c.read) +
         ", \"bytes_written\": " + exact(c.written) + ", \"launches\": " + std::to_string(c.launches) +
         ", \"arithmetic_ms\": " + number(arithmetic_ms(c)) + ", \"memory_ms\": " + number(memory_ms(c)) +
         ", \"op_by_op_ms\": " + number(1e3 * seconds);
}

}  // namespace

std::string markdown(const std::vector<result>& results) {
  const bool timed = std::any_of(results.begin(), results.end(), [](const auto& r) { return !r.milliseconds.empty(); });
  std::string out =
      "| goal | workload | GFLOP | rows in use | GB read | GB written | launches | arithmetic ms | memory ms | op by "
      "op "
      "ms |";
  out += timed ? " measured ms |\n" : "\n";
  out += "|---|---|---|---|---|---|---|---|---|---|";
  out += timed ? "---|\n" : "\n";
  for (const result& r : results) {
    const op_sum t = r.list.total();
    const cost& c = t.all;
    out += "| " + r.goal + " | " + r.what;
    if (r.bytes > 0)
      out += ": " + number(static_cast<double>(r.bytes) / 1e9) + " GB | | | | | | | | |";
    else
      out += " | " + number(c.flop / 1e9) + " | " + number(c.packed / 1e9) + " | " + number(c.read / 1e9) + " | " +
             number(c.written / 1e9) + " | " + std::to_string(c.launches) + " | " + number(arithmetic_ms(c)) + " | " +
             number(memory_ms(c)) + " | " + number(1e3 * t.seconds) + " |";
    if (timed) out += r.milliseconds.empty() ? " |" : " " + number(median(r.milliseconds)) + " |";
    out += "\n";
  }
  return out;
}

std::string decode_step_text(const cost& step) {
  return "launches per decode step: " + std::to_string(step.launches) + ", bound " +
         std::to_string(most_step_launches) + "\nMB per decode step: " + number(step.read / 1e6) + " read, " +
         number(step.written / 1e6) + " written\n";
}

std::string json(const std::vector<result>& results, const std::string& size, const std::string& device) {
  std::string out = "{\"size\": \"" + size + "\", \"device\": " + (device.empty() ? "null" : "\"" + device + "\"") +
                    ", \"flop_per_second\": " + number(flop_per_second) +
                    ", \"bytes_per_second\": " + number(bytes_per_second) + ", \"workloads\": [";
  for (const result& r : results) {
    const op_sum t = r.list.total();
    out += (&r == results.data() ? "\n" : ",\n");
    out += " {\"goal\": \"" + r.goal + "\", \"what\": \"" + r.what + "\"";
    if (r.bytes > 0) {
      out += ", \"bytes_held\": " + std::to_string(r.bytes) + "}";
      continue;
    }
    out += ", \"items\": " + std::to_string(r.items) + ", " + sums(t.all, t.seconds) +
           ", \"milliseconds\": " + (r.milliseconds.empty() ? "null" : number(median(r.milliseconds))) +
           ", \"runs\": [";
    for (std::size_t i = 0; i < r.milliseconds.size(); ++i) out += (i ? ", " : "") + number(r.milliseconds[i]);
    out += "], \"ops\": [";
    for (bool first = true; const auto& [name, o] : r.list.ops) {
      out += first ? "\n" : ",\n";
      out += "  {\"op\": \"" + std::string(name) + "\", \"calls\": " + std::to_string(o.calls) + ", " +
             sums(o.all, o.seconds) + "}";
      first = false;
    }
    out += "]}";
  }
  return out + "\n]}\n";
}

}  // namespace goals
