# SPDX-License-Identifier: Apache-2.0
"""Tensors of a golden case as safetensors files."""
import json, struct
import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}


def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for k, v in json.loads(raw[8 : 8 + n]).items():
        if k != "__metadata__":
            a, b = v["data_offsets"]
            out[k] = numpy.frombuffer(raw[8 + n + a : 8 + n + b], TYPES[v["dtype"]]).reshape(v["shape"])
    return out


def stored(v):
    """A tensor as it is in a file: whole numbers or float32."""
    v = numpy.asarray(v)
    return v.astype("<i8") if v.dtype.kind == "i" else v.astype("<f4")


def write(path, tensors):
    header, data = {}, b""
    for k, v in tensors.items():
        v = stored(v)
        place = [len(data), len(data) + v.nbytes]
        header[k] = {"dtype": "I64" if v.dtype.kind == "i" else "F32", "shape": list(v.shape), "data_offsets": place}
        data += v.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def load(folder):
    meta = json.load(open(folder + "/case.json"))
    return meta, [read("%s/%s.safetensors" % (folder, f)) for f in ("weights", "inputs", "expected")]
