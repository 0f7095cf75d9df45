"""Tensors as JSON, as `test/service/inference-protocol-clients.test.ts` gives and takes them."""

import base64

import numpy as np

DTYPES = {"FP32": np.dtype("<f4"), "FP16": np.dtype("<f2")}


def decode(tensor):
    numbers = np.frombuffer(base64.b64decode(tensor["bytes"]), DTYPES[tensor["datatype"]])
    return numbers.reshape(tensor["shape"])


def datatype(array):
    return next(name for name, dtype in DTYPES.items() if dtype == array.dtype)


def encode(array):
    data = base64.b64encode(array.tobytes()).decode()
    return {"datatype": datatype(array), "shape": list(array.shape), "bytes": data}
