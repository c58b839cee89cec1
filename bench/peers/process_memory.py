# SPDX-License-Identifier: Apache-2.0
"""Resident memory of this process, from /proc/self (Linux)."""


def _status(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))


def resident_bytes():
    return _status("VmRSS:")


def peak_bytes():
    """Since the start or since forget_peak. Not getrusage: its peak may be that of the program that started us."""
    return _status("VmHWM:")


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
    except OSError:
        pass  # a sandbox may forbid it; then the peak includes the making of the weights
