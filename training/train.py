"""Trains the detector on rendered scenes for a number of minutes, or scores a checkpoint: `python train.py --help`."""

import argparse
import copy
import math
import os
import queue
import threading
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads must not burn the other core

import cv2
import numpy as np
import torch

from layout import CLASSES
from loss import detection_loss
from metrics import report, suppress
from model import Detector, RawHead, grid

INPUT = 320


class Scenes:
    """Rendered sets on disk (see scenes.render_set); shards that appear later are found by `refresh`."""

    def __init__(self, folder: Path, pattern: str):
        self.folder, self.pattern, self.sets, self.names = folder, pattern, [], set()
        self.refresh()

    def refresh(self):
        """Opens shards that are complete and new; returns how many scenes there are now."""
        for path in sorted(self.folder.glob(self.pattern)):
            if (path / "boxes.npz").exists() and path.name not in self.names:
                try:
                    z = np.load(path / "boxes.npz")
                    boxes = np.split(z["flat"], np.cumsum(z["counts"])[:-1])
                except Exception:  # still being written: next time
                    continue
                self.names.add(path.name)
                self.sets.append((np.load(path / "images.npy", mmap_mode="r"), boxes))
        self.starts = np.cumsum([0] + [len(b) for _, b in self.sets])
        return len(self)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        s = int(np.searchsorted(self.starts, i, side="right")) - 1
        images, boxes = self.sets[s]
        return images[i - self.starts[s]], boxes[i - self.starts[s]]


def augment(image: np.ndarray, boxes: np.ndarray, rng, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Flips, scales, shifts and tints one example [320, 320, 3] uint8 with boxes [n, 5]; returns copies."""
    flip = rng.random() < 0.5
    k = math.exp(rng.uniform(-0.35, 0.4) * strength)
    room = INPUT * abs(k - 1) / 2 + 12
    tx, ty = rng.uniform(-room, room, 2) * strength + INPUT * (1 - k) / 2
    matrix = np.array([[-k if flip else k, 0, tx + (INPUT * k if flip else 0)], [0, k, ty]])
    out = cv2.warpAffine(image, matrix, (INPUT, INPUT), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
    table = np.arange(256, dtype=np.float32)
    gains, lift, gamma = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3), rng.uniform(-10, 10), rng.uniform(0.85, 1.18)
    lut = np.clip(255 * (np.clip(table[:, None] * gains + lift, 0, 255) / 255) ** gamma, 0, 255).astype(np.uint8)
    out = cv2.LUT(out, lut.reshape(256, 1, 3) if lut.ndim == 2 else lut)
    if len(boxes):
        x = boxes[:, [3, 1]] * -k + tx + INPUT * k if flip else boxes[:, [1, 3]] * k + tx
        y = boxes[:, [2, 4]] * k + ty
        whole = (x[:, 1] - x[:, 0]) * (y[:, 1] - y[:, 0])
        x, y = x.clip(0, INPUT), y.clip(0, INPUT)
        w, h = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
        keep = (w * h > 0.25 * whole) & (np.minimum(w, h) > 3) & (np.maximum(w, h) > 7)
        boxes = np.stack([boxes[:, 0], x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)[keep]
    return out, boxes


def batches(scenes: Scenes, size: int, seed: int, stop: threading.Event, gentle: threading.Event):
    """Yields batches (images [B, 3, 320, 320] uint8, list of boxes) made by a thread, without end."""
    ready: queue.Queue = queue.Queue(6)

    def work():
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            scenes.refresh()
            order = rng.permutation(len(scenes))
            for at in range(0, len(order) - size + 1, size):
                pairs = [augment(*scenes[int(i)], rng, 0.35 if gentle.is_set() else 1.0) for i in order[at : at + size]]
                batch = (np.ascontiguousarray(np.stack([p[0] for p in pairs]).transpose(0, 3, 1, 2)), [p[1] for p in pairs])
                while not stop.is_set():
                    try:
                        ready.put(batch, timeout=0.5)
                        break
                    except queue.Full:
                        pass
                if stop.is_set():
                    return

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()


def pad_truth(boxes: list[np.ndarray]):
    """Pads box lists to tensors: classes [B, N] int64, boxes [B, N, 4], real [B, N] bool."""
    n = max(1, max(map(len, boxes)))
    cls, truth, real = (
        torch.zeros(len(boxes), n, dtype=torch.long),
        torch.zeros(len(boxes), n, 4),
        torch.zeros(len(boxes), n, dtype=torch.bool),
    )
    for i, b in enumerate(boxes):
        cls[i, : len(b)], truth[i, : len(b)], real[i, : len(b)] = (
            torch.from_numpy(b[:, 0].astype(np.int64)),
            torch.from_numpy(b[:, 1:].astype(np.float32)),
            True,
        )
    return cls, truth, real


@torch.no_grad()
def evaluate(model: Detector, scenes: Scenes, limit: int | None = None) -> tuple[float, float]:
    """Scores a model on held-out scenes (confidence above 0.001, NMS 0.7); prints the table, returns (mAP50, mAP50-95)."""
    head = RawHead(model, INPUT, INPUT).eval()
    found, truth = [], []
    for i in range(0, min(limit or len(scenes), len(scenes)), 16):
        pairs = [scenes[j] for j in range(i, min(i + 16, limit or len(scenes), len(scenes)))]
        x = torch.from_numpy(np.stack([p[0] for p in pairs]).transpose(0, 3, 1, 2).copy()).float() / 255
        found += [suppress(raw, 0.001) for raw in head(x).numpy()]
        truth += [p[1] for p in pairs]
    return report(found, truth, CLASSES)


def train(a):
    """Trains by the clock: the learning rate follows a cosine over `--minutes`, however many images that makes."""
    torch.manual_seed(a.seed)
    scenes, held_out = Scenes(a.data, "train*"), Scenes(a.data, "val")
    model = Detector(len(CLASSES)).to(memory_format=torch.channels_last)
    if a.resume:
        model.load_state_dict(torch.load(a.resume, weights_only=True))
    average = copy.deepcopy(model).eval()
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {len(scenes)} scenes", flush=True)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.03}, {"params": rest, "weight_decay": 0.0}], lr=a.rate)
    points, strides = grid(INPUT, INPUT)
    stop, gentle = threading.Event(), threading.Event()
    begin, step, seen, sums, shown = time.monotonic(), 0, 0, np.zeros(3), time.monotonic()
    for images, boxes in batches(scenes, a.batch, a.seed, stop, gentle):
        done = (time.monotonic() - begin) / (a.minutes * 60)
        if done >= 1:
            break
        if done > 0.85:
            gentle.set()
        rate = a.rate * min(1, (step + 1) / 60) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = rate
        x = (torch.from_numpy(images).float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            raw, logits = model(x)
        loss, parts = detection_loss(raw, logits, points, strides, *pad_truth(boxes))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        step, seen, sums = step + 1, seen + len(images), sums + parts
        keep = min(0.998, 1 - 1 / (1 + step / 8))
        with torch.no_grad():
            for old, new in zip(average.state_dict().values(), model.state_dict().values()):
                old.lerp_(new, 1 - keep) if old.is_floating_point() else old.copy_(new)
        if step % 50 == 0:
            now = time.monotonic()
            speed, (score, box, side) = 50 * a.batch / (now - shown), sums / 50
            print(f"{(now - begin) / 60:5.1f} min  {seen:6d} seen of {len(scenes)}  {speed:4.0f} img/s", end="  ")
            print(f"score {score:.3f} box {box:.3f} side {side:.3f}", flush=True)
            sums, shown = np.zeros(3), now
        if step % a.save_every == 0:
            torch.save(average.state_dict(), a.out)
            evaluate(average, held_out, 100)
            shown = time.monotonic()
    stop.set()
    torch.save(average.state_dict(), a.out)
    print(f"{seen} images seen, {len(scenes)} scenes, {(time.monotonic() - begin) / 60:.1f} min")
    evaluate(average, held_out)


def main():
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="folder with train*/ and val/ as scenes.py renders them")
    p.add_argument("--out", type=Path, required=True, help="checkpoint to write, or with --score to read")
    p.add_argument("--score", action="store_true", help="only evaluate on val/")
    p.add_argument("--minutes", type=float, default=25)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--bf16", action="store_true", help="faster on CPUs with the instructions for it")
    p.add_argument("--resume", type=Path)
    p.add_argument("--save-every", type=int, default=400)
    a = p.parse_args()
    if a.score:
        model = Detector(len(CLASSES))
        model.load_state_dict(torch.load(a.out, weights_only=True))
        evaluate(model.eval(), Scenes(a.data, "val"))
    else:
        train(a)


if __name__ == "__main__":
    main()
