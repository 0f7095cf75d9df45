"""What every Python peer does with a photo, written as a careful user would: OpenCV for pixels, NumPy for numbers."""

import os

import cv2
import numpy as np
import onnxruntime as ort

SIZE = 640
MODEL = os.environ["BENCH_MODEL"]
# Empty: ONNX Runtime's own default, all processors.
THREADS = os.environ.get("BENCH_THREADS", "")

if THREADS:
    # One thread per worker is for OpenCV's pool too, else workers fight for the same processors.
    cv2.setNumThreads(int(THREADS))


class Detector:
    def __init__(self):
        options = ort.SessionOptions()
        if THREADS:
            options.intra_op_num_threads = int(THREADS)
        self.session = ort.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
        self.session.run(None, {"images": np.zeros((1, 3, SIZE, SIZE), np.float32)})

    def detect(self, photo: bytes) -> dict:
        image = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        height, width = image.shape[:2]
        gain = min(SIZE / height, SIZE / width)
        scaled_width, scaled_height = round(width * gain), round(height * gain)
        left, top = (SIZE - scaled_width) // 2, (SIZE - scaled_height) // 2
        scaled = cv2.resize(image, (scaled_width, scaled_height), interpolation=cv2.INTER_LINEAR)
        right, bottom = SIZE - scaled_width - left, SIZE - scaled_height - top
        padded = cv2.copyMakeBorder(
            scaled, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114)
        )
        planes = cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True)
        output = self.session.run(None, {"images": planes})[0][0]
        return {"shape": [height, width], "results": select(output, gain, (left, top), (width, height))}


def select(output: np.ndarray, gain: float, pad: tuple, size: tuple, conf: float = 0.25, iou: float = 0.7) -> list:
    best = output[4:].max(0)
    anchors = np.flatnonzero(best > conf)
    scores = best[anchors]
    classes = output[4:, anchors].argmax(0)
    centres, sizes = output[:2, anchors].T, output[2:4, anchors].T
    corners = np.hstack([centres - sizes / 2, sizes])
    kept = cv2.dnn.NMSBoxesBatched(corners.tolist(), scores.tolist(), classes.tolist(), conf, iou)[:300]
    boxes = np.hstack([centres - sizes / 2, centres + sizes / 2])
    boxes = ((boxes - [*pad, *pad]) / gain).clip(0, [*size, *size])
    return [
        {
            "class": int(classes[i]),
            "confidence": round(float(scores[i]), 5),
            "box": dict(zip(("x1", "y1", "x2", "y2"), boxes[i].round(2).tolist())),
        }
        for i in kept
    ]
