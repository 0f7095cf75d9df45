"""What schemathesis cannot read from the OpenAPI document: what an image is, and that a parameter may come only once."""

import struct
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.modes import GenerationMode


def png(width: int, height: int) -> bytes:
    """A grey image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


IMAGES = st.sampled_from([png(1, 1), png(64, 48), png(200, 10)])
schemathesis.openapi.format("binary", IMAGES)
for media_type in ("jpeg", "png", "webp", "avif", "tiff", "gif"):
    schemathesis.openapi.media_type(f"image/{media_type}", IMAGES)
schemathesis.openapi.media_type("application/octet-stream", IMAGES)

# A tensor that the fixture model takes: no schema can say how shape, data and model belong together.
TENSOR = {"inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": [0.5] * 3072}]}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes cases that are meant to be accepted acceptable where the document can only say so in words."""
    # A few milliseconds are valid, and rightly answered by 503.
    time = str((case.headers or {}).get("x-request-timeout-ms", ""))
    if time.isdigit() and 1 <= int(time) <= 600_000:
        case.headers["x-request-timeout-ms"] = "600000"
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    # Each parameter once: in the form or in the query.
    if case.operation.path == "/predict" and case.media_type == "multipart/form-data":
        case.query = {}
    if case.operation.path.endswith("/infer"):
        case.headers.pop("inference-header-content-length", None)
        case.media_type = "application/json"
        case.body = TENSOR
