// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

// The products of a forward pass, called on an engine directly: collected first, then run as often as one likes.
class bare_engine {
 public:
  virtual ~bare_engine() = default;
  virtual void product(int rows, int in, int out) = 0;         // y [rows, out] = x [rows, in] w [out, in]^T
  virtual void scores(int heads, int rows, int head_width) = 0;  // per head: s = q k^T, then y = s v
  virtual void run() = 0;
  double flop() const { return flop_; }

 protected:
  double flop_ = 0;
};

std::unique_ptr<bare_engine> bare_eigen(int threads);
std::unique_ptr<bare_engine> bare_onednn_fp32(int threads);
std::unique_ptr<bare_engine> bare_onednn_bf16(int threads);
