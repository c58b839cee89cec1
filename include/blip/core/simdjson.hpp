// SPDX-License-Identifier: Apache-2.0
#pragma once

// simdjson's headers without the parts for processors that this unit is not compiled for, which are all of Intel's
// intrinsics. What parses is compiled into simdjson's library and picks its instructions at run time, as ever.
#if !defined(__AVX512VBMI2__) && !defined(SIMDJSON_IMPLEMENTATION_ICELAKE)
#define SIMDJSON_IMPLEMENTATION_ICELAKE 0
#endif
#if !defined(__AVX2__) && !defined(SIMDJSON_IMPLEMENTATION_HASWELL)
#define SIMDJSON_IMPLEMENTATION_HASWELL 0
#endif
#if !defined(__SSE4_2__) && !defined(SIMDJSON_IMPLEMENTATION_WESTMERE)
#define SIMDJSON_IMPLEMENTATION_WESTMERE 0
#endif
#include <simdjson.h>
