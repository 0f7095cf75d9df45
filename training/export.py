"""Writes a trained detector as ONNX in both Ultralytics layouts, and checks on held-out scenes that the two agree."""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from layout import CLASSES
from metrics import report, suppress
from model import Detector, RawHead
from train import INPUT, Scenes

OPSET, CANDIDATES, ROWS, PASSES, IOU, FLOOR = 17, 512, 300, 16, 0.7, 0.001
DESCRIPTION = (
    "Demo street detector, trained on rendered scenes only (training/ of this repository): expect it to fail on real photos"
)


def export_raw(model: Detector, path: Path) -> onnx.ModelProto:
    """Traces `images` [1, 3, 320, 320] to `output0` [1, 4 + classes, A]: centre, size, scores after the sigmoid."""
    head = RawHead(model, INPUT, INPUT).eval()
    torch.onnx.export(
        head,
        (torch.zeros(1, 3, INPUT, INPUT),),
        str(path),
        input_names=["images"],
        output_names=["output0"],
        opset_version=OPSET,
        dynamo=False,
    )
    graph = onnx.load(path)
    for node in graph.graph.node:
        node.doc_string = ""
    return graph


class Builder:
    """Appends nodes to a graph; constants become initialisers."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph, self.count = graph, 0

    def const(self, value, dtype) -> str:
        """Adds a constant and returns its name."""
        self.count += 1
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), f"nms_c{self.count}"))
        return f"nms_c{self.count}"

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        """Adds a node and returns the name of its output, or a list of names."""
        self.count += 1
        names = [f"nms_{kind}{self.count}_{i}" for i in range(outputs)]
        self.graph.node.append(helper.make_node(kind, list(inputs), names, name=f"nms_{kind}{self.count}", **attributes))
        return names[0] if outputs == 1 else names


def add_suppression(model: onnx.ModelProto) -> onnx.ModelProto:
    """Appends greedy suppression within each class, in plain operators: `output0` becomes [1, 300, 6].

    A candidate is kept unless a better kept one of its class overlaps it by more than IOU. Starting from "all kept", each pass
    settles one more link of the longest chain of candidates that suppress one another, so PASSES passes are exact for chains up to
    that length. Rows are x1, y1, x2, y2 in input pixels, score, class; best first, then zero rows.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    for node in graph.node:
        for i, name in enumerate(node.output):
            if name == "output0":
                node.output[i] = "raw"
    b = Builder(graph)
    i64 = lambda *v: b.const(v, np.int64)
    rows = b.op("Transpose", b.op("Squeeze", "raw", i64(0)), perm=[1, 0])  # [A, 4 + C]
    score_all = b.op("Slice", rows, i64(4), i64(4 + len(CLASSES)), i64(1))
    best = b.op("ReduceMax", score_all, axes=[1], keepdims=0)
    score, index = b.op("TopK", best, i64(CANDIDATES), outputs=2, axis=0, largest=1, sorted=1)
    picked = b.op("Gather", rows, index, axis=0)  # [K, 4 + C]
    cls = b.op("ArgMax", b.op("Slice", picked, i64(4), i64(4 + len(CLASSES)), i64(1)), axis=1, keepdims=1)  # [K, 1]
    centre, size = b.op("Slice", picked, i64(0), i64(2), i64(1)), b.op("Slice", picked, i64(2), i64(4), i64(1))
    half = b.op("Mul", size, b.const(0.5, np.float32))
    low, high = b.op("Sub", centre, half), b.op("Add", centre, half)  # [K, 2]
    outer = lambda t: (b.op("Unsqueeze", t, i64(1)), b.op("Unsqueeze", t, i64(0)))
    overlap = b.op("Sub", b.op("Min", *outer(high)), b.op("Max", *outer(low)))
    inter = b.op("ReduceProd", b.op("Max", overlap, b.const(0, np.float32)), axes=[2], keepdims=0)  # [K, K]
    area = b.op("ReduceProd", b.op("Sub", high, low), axes=[1], keepdims=0)
    union = b.op("Add", b.op("Sub", b.op("Add", *outer(area)), inter), b.const(1e-9, np.float32))
    over = b.op("Greater", b.op("Div", inter, union), b.const(IOU, np.float32))
    same = b.op("Equal", cls, b.op("Transpose", cls, perm=[1, 0]))
    better = b.const(np.triu(np.ones((CANDIDATES, CANDIDATES), bool), 1), bool)
    clash = b.op("Cast", b.op("And", b.op("And", over, same), better), to=TensorProto.FLOAT)
    keep = b.const(np.ones((1, CANDIDATES)), np.float32)
    for _ in range(PASSES):
        keep = b.op("Cast", b.op("Less", b.op("MatMul", keep, clash), b.const(0.5, np.float32)), to=TensorProto.FLOAT)
    kept_score = b.op("Mul", score, b.op("Squeeze", keep, i64(0)))
    final, order = b.op("TopK", kept_score, i64(ROWS), outputs=2, axis=0, largest=1, sorted=1)
    column = b.op("Unsqueeze", kept_score, i64(1))
    table = b.op("Concat", low, high, column, b.op("Cast", cls, to=TensorProto.FLOAT), axis=1)
    valid = b.op("Cast", b.op("Greater", final, b.const(FLOOR, np.float32)), to=TensorProto.FLOAT)
    table = b.op("Mul", b.op("Gather", table, order, axis=0), b.op("Unsqueeze", valid, i64(1)))
    graph.node.append(helper.make_node("Unsqueeze", [table, i64(0)], ["output0"], name="nms_output"))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, ROWS, 6]))
    return out


def save(model: onnx.ModelProto, path: Path, end2end: bool):
    """Adds the metadata that readers of Ultralytics exports look for, checks the model, writes it and prints its digest."""
    del model.metadata_props[:]
    helper.set_model_props(
        model,
        {
            "description": DESCRIPTION,
            "author": "yolo-demo",
            "license": "Apache-2.0",
            "version": "1.0.0",
            "date": "2026-11-25T00:00:00",
            "stride": "32",
            "task": "detect",
            "batch": "1",
            "imgsz": f"[{INPUT}, {INPUT}]",
            "names": repr(dict(enumerate(CLASSES))),
            "channels": "3",
            "end2end": str(end2end),
        },
    )
    model.producer_name, model.producer_version, model.graph.name = "yolo-demo", "1.0.0", "street"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    data = path.read_bytes()
    print(f"{path}  {len(data)} bytes  sha256 {hashlib.sha256(data).hexdigest()}")


def verify(raw_path: Path, e2e_path: Path, scenes: Scenes, confidence: float = 0.25):
    """Runs both files on held-out scenes: compares their boxes at `confidence`, prints scores; raises where they differ."""
    open_ = lambda p: onnxruntime.InferenceSession(str(p), providers=["CPUExecutionProvider"])
    raw_session, e2e_session = open_(raw_path), open_(e2e_path)
    found, found_e2e, truth, boxes, worst = [], [], [], 0, 0.0
    for i in range(len(scenes)):
        image, t = scenes[i]
        x = np.ascontiguousarray(image.transpose(2, 0, 1)[None]).astype(np.float32) / 255
        raw, rows = raw_session.run(None, {"images": x})[0][0], e2e_session.run(None, {"images": x})[0][0]
        found.append(suppress(raw, FLOOR))
        found_e2e.append(rows[rows[:, 4] > 0])
        truth.append(t)
        a, c = suppress(raw, confidence), rows[rows[:, 4] > confidence]
        if a.shape != c.shape or not np.allclose(a, c, atol=1e-3):
            raise SystemExit(f"Expected both layouts to agree on scene {i} but received {len(a)} and {len(c)} boxes")
        boxes, worst = boxes + len(a), max(worst, float(np.abs(a - c).max(initial=0)))
    print(
        f"both layouts agree on all {boxes} boxes of {len(scenes)} scenes at confidence {confidence} (largest difference {worst:.1e})"
    )
    print("raw layout and suppression:"), report(found, truth, CLASSES)
    print("end-to-end layout:"), report(found_e2e, truth, CLASSES)


def main():
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", type=Path, required=True)
    p.add_argument("--data", type=Path, required=True, help="folder with val/")
    p.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "models")
    a = p.parse_args()
    model = Detector(len(CLASSES))
    model.load_state_dict(torch.load(a.checkpoint, weights_only=True))
    a.out.mkdir(parents=True, exist_ok=True)
    raw, e2e = a.out / "street-raw.onnx", a.out / "street.onnx"
    graph = export_raw(model.eval(), raw)
    save(graph, raw, end2end=False)
    save(add_suppression(graph), e2e, end2end=True)
    verify(raw, e2e, Scenes(a.data, "val"))


if __name__ == "__main__":
    main()
