// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place that knows which Catch2 it is.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
