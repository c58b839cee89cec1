# SPDX-License-Identifier: Apache-2.0
"""The C library's heap: by default it gives every large tensor back to the system and asks for fresh, zeroed pages."""
import ctypes


def keep_heap():
    """Keep freed memory for the next step (glibc): the first advice of PyTorch's own guide for processors."""
    libc = ctypes.CDLL(None)
    trim_threshold, mmap_max = -1, -4
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
