# SPDX-License-Identifier: Apache-2.0
"""Reads the machine code of all kernels in an archive: check_instructions.py LIBRARY

Fails when a kernel keeps anything in local memory (spills, arrays that are indexed at run time), when an architecture
is missing, when a kernel for four numbers at a time does not move 16 bytes at a time, when one has atomics, but for the
one that counts the blocks of a product of few rows with a norm, or when one for tensor cores has none of their
instructions, does not read its tiles by ldmatrix, or has more registers than the blocks that it is meant to share a
multiprocessor with leave it. The codes below are empirical (nvcc 13.0): an instruction has 16 bytes, its lowest 9 bits
name the family, and bits 9 to 11 of its upper half the width of an access.
"""
import collections
import re
import struct
import sys

FAMILY = {0x181: "LDG", 0x186: "STG", 0x184: "LDS", 0x188: "STS", 0x183: "LDL", 0x187: "STL", 0x189: "SHFL",
          0x11D: "BAR", 0x1A6: "RED", 0x1A8: "ATOMG", 0x108: "MUFU", 0x023: "FFMA", 0x03C: "HMMA", 0x03B: "LDSM"}
SIXTEEN_BYTES = 6
CUDA_MACHINE = 190
# Registers of kernels for tensor cores with heads of up to 64 columns; wider ones may have all 255.
BUDGET = {"attend_mma": 128, "query_gradients_mma": 128, "key_gradients_mma": 168}


def cubins(data):
    """The ELF files of GPU code in an archive that is not compressed."""
    at = data.find(b"\x7fELF")
    while at >= 0:
        if struct.unpack_from("<H", data, at + 18)[0] == CUDA_MACHINE:
            yield at
        at = data.find(b"\x7fELF", at + 4)


def kernels(data, at):
    """(name, code, registers) of each kernel, and the architecture's number, of the ELF file at `at`."""
    table, = struct.unpack_from("<Q", data, at + 40)
    flags, = struct.unpack_from("<I", data, at + 48)
    size, count, names = struct.unpack_from("<HHH", data, at + 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, at + table + i * size) for i in range(count)]
    text = at + sections[names][4]
    for s in sections:
        name = data[text + s[0]:data.index(b"\0", text + s[0])].decode()
        if name.startswith(".text."):
            yield name[6:], data[at + s[4]:at + s[4] + s[5]], s[7] >> 24, flags


def histogram(code):
    found, wide = collections.Counter(), collections.Counter()
    for i in range(0, len(code) - 15, 16):
        low, high = struct.unpack_from("<QQ", code, i)
        family = FAMILY.get(low & 0x1FF)
        if family:
            found[family] += 1
            wide[family] += (high >> 9 & 7) == SIXTEEN_BYTES
    return found, wide


def main():
    data = open(sys.argv[1], "rb").read()
    bad, seen, architectures, most, on_tensor_cores = [], 0, collections.Counter(), 0, collections.Counter()
    for at in cubins(data):
        for name, code, registers, flags in kernels(data, at):
            seen += 1
            architecture = flags >> 8 & 0xFF if flags >> 8 & 0xFF in (80, 90) else flags & 0xFF
            architectures[architecture] += 1
            found, wide = histogram(code)
            most = max(most, registers)
            if found["LDL"] or found["STL"]:
                bad.append(f"{name} (sm_{architecture}): local memory, {found['LDL']} loads and {found['STL']} stores")
            # multiply_few<Rows, Weight, Wide, Norm> with a norm: its last template argument is true.
            counts_blocks = re.search(r"multiply_fewI.*Lb1EEE", name) is not None
            if found["RED"] or found["ATOMG"] != counts_blocks:
                bad.append(f"{name} (sm_{architecture}): {found['RED']} and {found['ATOMG']} atomics")
            if re.search(r"multiply_fewI.*Lb1ELb[01]EEE", name) and not wide["LDG"]:
                bad.append(f"{name} (sm_{architecture}): weights are not read 16 bytes at a time")
            if re.search(r"(each_pack|each_row|each_sequence_row)ILi4E", name) and not wide["LDG"] + wide["STG"]:
                bad.append(f"{name} (sm_{architecture}): no access of 16 bytes")
            if tensor := re.search(r"\d((?:attend|query_gradients|key_gradients)_mma)ILi(\d+)E", name):
                kernel, width = tensor[1], int(tensor[2])
                on_tensor_cores[architecture, kernel] += 1
                if not found["HMMA"] or not found["LDSM"] or wide["LDG"] == 0:
                    bad.append(f"{name} (sm_{architecture}): {found['HMMA']} products, {found['LDSM']} ldmatrix and "
                               f"{wide['LDG']} loads of 16 bytes")
                if width <= 64 and registers > BUDGET[kernel]:
                    bad.append(f"{name} (sm_{architecture}): {registers} registers, of {BUDGET[kernel]}")
            if not found["STG"]:
                bad.append(f"{name} (sm_{architecture}): stores nothing, which is no kernel; has the coding changed?")
    print(f"{seen} kernels, {dict(architectures)}, at most {most} registers")
    for missing in {80, 90} - set(architectures):
        bad.append(f"no code for sm_{missing}")
    for architecture in (80, 90):
        for kernel in BUDGET:
            if not on_tensor_cores[architecture, kernel]:
                bad.append(f"no {kernel} for sm_{architecture}")
    print("\n".join(bad) if bad else "no local memory, no atomics but one count of blocks, wide accesses where rows allow; "
          f"{sum(on_tensor_cores.values())} kernels for tensor cores within their registers")
    return 1 if bad or not seen else 0


sys.exit(main())
