"""Renders street scenes with exact boxes: `python scenes.py render` makes a data set, `python scenes.py sample` one photo."""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from layout import CLASSES, Item, lay_out
from render import EMIT_BIT, Camera, Canvas, make_mood
from street import paint_ground, paint_sky

INPUT = 320  # side of a training image, pixels
MIN_SIDE, MIN_SEEN, MIN_ON_SCREEN = 10.0, 0.3, 0.22  # boxes below these are left out
SHAPES = [(480, 360), (480, 270), (480, 320), (440, 440), (360, 480)]


def drawing_order(items: list[Item], x: float) -> list[int]:
    """Sorts items back to front for a camera at (x, 0), by lines that separate their footprints."""
    b = np.array([i.bounds for i in items])
    away = np.hypot((b[:, 0] + b[:, 1]) / 2 - x, (b[:, 2] + b[:, 3]) / 2)
    z_sep = b[:, None, 3] <= b[None, :, 2]  # i ends before j begins: j is farther
    x_sep = b[:, None, 1] <= b[None, :, 0]
    farther = z_sep | (x_sep & (x < b[:, None, 1]) & ~z_sep.T)  # farther[i, j]: j is drawn before i
    farther |= (x_sep & (x > b[None, :, 0]) & ~z_sep).T & ~z_sep.T
    left, order = set(range(len(items))), []
    while left:
        free = [i for i in left if not any(farther[i, j] for j in left if j != i)]
        pick = max(free or left, key=lambda i: away[i])
        left.remove(pick)
        order.append(pick)
    return order


def find_boxes(canvas: Canvas, owners: dict[int, int], scale: float) -> np.ndarray:
    """Returns boxes [n, 5] (class, x1, y1, x2, y2 in canvas pixels) of what can be seen; `scale` maps to the model's input."""
    ids, (h, w), out = canvas.pixels[..., 3] & (EMIT_BIT - 1), canvas.pixels.shape[:2], []
    for owner, cls in owners.items():
        shapes = canvas.drawn.get(owner)
        if not shapes:
            continue
        every = np.concatenate([p for p, _ in shapes]) / 8
        (fx0, fy0), (fx1, fy1) = every.min(0), every.max(0)
        x0, y0, x1, y1 = int(max(0, fx0 - 3)), int(max(0, fy0 - 3)), int(min(w, fx1 + 4)), int(min(h, fy1 + 4))
        if x1 <= x0 or y1 <= y0:
            continue
        seen = ids[y0:y1, x0:x1] == owner
        outline = np.zeros(seen.shape, np.uint8)
        for pts, width in shapes:
            moved = [(pts - (x0 * 8, y0 * 8)).astype(np.int32)]
            cv2.polylines(outline, moved, True, 1, width, shift=3) if width else cv2.fillPoly(outline, moved, 1, shift=3)
        if not seen.any() or seen.sum() < MIN_SEEN * outline.sum():
            continue
        ys, xs = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        box = [x0 + xs[0], y0 + ys[0], x0 + xs[-1] + 1, y0 + ys[-1] + 1]
        bw, bh = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
        whole = max(1.0, (fx1 - fx0) * (fy1 - fy0)) * scale * scale
        if max(bw, bh) < MIN_SIDE or min(bw, bh) < 3.5 or (bw * bh < MIN_ON_SCREEN * whole and bw * bh < 2500):
            continue
        out.append([cls, *box])
    return np.array(out, np.float32).reshape(-1, 5)


def _finish(canvas: Canvas, width: int, height: int, rng) -> np.ndarray:
    """Adds the glow of lights, vignette and grain; returns RGB [height, width, 3] uint8."""
    rgb, lit = canvas.pixels[..., :3], (canvas.pixels[..., 3] >= EMIT_BIT)
    img = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = (160, round(160 * height / width))
    source = cv2.resize(rgb * lit[..., None], small, interpolation=cv2.INTER_AREA).astype(np.float32)
    blur = sum(gain * cv2.GaussianBlur(source, (0, 0), sigma) for sigma, gain in ((0.7, 0.5), (2.9, 0.6), (8.0, 0.45)))
    img += cv2.resize(blur, (width, height), interpolation=cv2.INTER_CUBIC) * canvas.mood.glow
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    img *= (1.03 - 0.13 * (x * x + y * y))[..., None]
    img = (img - 128) * rng.uniform(0.97, 1.1) + 128 * rng.uniform(0.97, 1.04)
    img *= rng.normal(1, 0.02, 3).astype(np.float32)
    grain = rng.standard_normal((height, width, 1), np.float32) * {"night": 3.5, "dusk": 2.4}.get(canvas.mood.name, 1.8)
    return np.clip(img + grain, 0, 255).astype(np.uint8)


def render_scene(seed: int, width: int, height: int, oversample: int = 2, mood: str | None = None):
    """Renders scene `seed`; returns RGB [height, width, 3] uint8 and boxes [n, 5] (class, x1, y1, x2, y2 in pixels)."""
    rng = np.random.default_rng(seed)
    name = rng.choice(["day", "dusk", "night", "fog"], p=[0.46, 0.2, 0.2, 0.14])
    mood_of = make_mood(mood or name, rng)
    W, H = width * oversample, height * oversample
    camera_x, high, yaw = (
        rng.uniform(-1, 1),
        rng.uniform(1.4, 4.6) if rng.random() < 0.75 else rng.uniform(1.2, 1.8),
        rng.normal(0, 0.13),
    )
    focal = max(W, H * 1.1) * rng.uniform(0.78, 1.2)
    plan, items, lamps, pools, camera_x = lay_out(rng, mood_of, camera_x, focal / max(W, H) * INPUT)
    yaw = float(np.clip(yaw - 0.03 * camera_x, -0.4, 0.4))
    camera = Camera(W, H, focal, camera_x, high, yaw, rng.uniform(-0.01, 0.09) + 0.03 * (high - 1.4))
    canvas = Canvas(camera, mood_of)
    canvas.lamps = lamps
    rays = camera.rays()
    paint_sky(canvas, rays, rng)
    paint_ground(canvas, rays, plan, [h for i in items for h in i.shadows(mood_of)], pools, rng)
    owners: dict[int, int] = {}
    for index in drawing_order(items, camera_x):
        items[index].draw(canvas, owners)
    boxes = find_boxes(canvas, owners, INPUT / max(W, H))
    boxes[:, 1:] /= oversample
    return _finish(canvas, width, height, rng), boxes


def letterbox(image: np.ndarray, boxes: np.ndarray, side: int = INPUT, how: int = cv2.INTER_AREA):
    """Fits an image into a square [side, side, 3] padded with 114, and its boxes with it."""
    h, w = image.shape[:2]
    k = side / max(h, w)
    nw, nh = round(w * k), round(h * k)
    dx, dy = (side - nw) // 2, (side - nh) // 2
    out = np.full((side, side, 3), 114, np.uint8)
    out[dy : dy + nh, dx : dx + nw] = cv2.resize(image, (nw, nh), interpolation=how)
    boxes = boxes.copy()
    boxes[:, 1:] = boxes[:, 1:] * k + np.array([dx, dy, dx, dy])
    return out, boxes


def training_example(seed: int):
    """Returns scene `seed` at the model's input size: [320, 320, 3] uint8 and boxes [n, 5] in its pixels."""
    rng = np.random.default_rng((seed, 1))
    w, h = SHAPES[rng.choice(5, p=[0.34, 0.3, 0.2, 0.1, 0.06])]
    how = cv2.INTER_AREA
    if rng.random() < 0.4:  # a larger picture, resampled as a service may do it
        w, h, how = w * 4 // 3, h * 4 // 3, cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_LINEAR
    return letterbox(*render_scene(seed, w, h, 1), how=how)


def render_set(first: int, count: int, out: Path, processes: int = 2):
    """Renders seeds first to first + count - 1 into out/images.npy [count, 320, 320, 3] and out/boxes.npz."""
    out.mkdir(parents=True, exist_ok=True)
    images = np.lib.format.open_memmap(out / "images.npy", "w+", np.uint8, (count, INPUT, INPUT, 3))
    all_boxes = []
    # spawned, not forked: OpenCV's threads do not survive a fork and the workers would hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for i, (image, boxes) in enumerate(pool.map(training_example, range(first, first + count), chunksize=16)):
            images[i] = image
            all_boxes.append(boxes)
            if (i + 1) % 500 == 0:
                print(f"{i + 1} of {count} scenes", flush=True)
    np.savez(out / "boxes.npz", flat=np.concatenate(all_boxes), counts=[len(b) for b in all_boxes])
    names = np.concatenate(all_boxes)[:, 0].astype(int)
    print({CLASSES[c]: int((names == c).sum()) for c in range(len(CLASSES))})


def draw_boxes(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns a copy of RGB [H, W, 3] with boxes [n, 5] (class, x1, y1, x2, y2) and their names drawn in."""
    out, colours = (
        image.copy(),
        [(255, 80, 80), (80, 220, 255), (255, 200, 60), (120, 255, 120), (255, 120, 255), (160, 160, 255)],
    )
    for cls, *xy in boxes:
        x1, y1, x2, y2 = map(int, xy)
        cv2.rectangle(out, (x1, y1), (x2, y2), colours[int(cls)], max(1, out.shape[1] // 640))
        cv2.putText(
            out,
            CLASSES[int(cls)],
            (x1, max(10, y1 - 3)),
            cv2.FONT_HERSHEY_SIMPLEX,
            max(0.35, out.shape[1] / 2200),
            colours[int(cls)],
            1,
            cv2.LINE_AA,
        )
    return out


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    sub = parser.add_subparsers(dest="what", required=True)
    r = sub.add_parser("render")
    r.add_argument("--first", type=int, required=True), r.add_argument("--count", type=int, required=True)
    r.add_argument("--out", type=Path, required=True), r.add_argument("--processes", type=int, default=2)
    s = sub.add_parser("sample")
    s.add_argument("--seed", type=int, required=True), s.add_argument("--size", default="1280x720")
    s.add_argument("--mood", choices=["day", "dusk", "night", "fog"]), s.add_argument("--boxes", action="store_true")
    s.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    if a.what == "render":
        return render_set(a.first, a.count, a.out, a.processes)
    image, boxes = render_scene(a.seed, *map(int, a.size.split("x")), 2, a.mood)
    image = draw_boxes(image, boxes) if a.boxes else image
    cv2.imwrite(str(a.out), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()
