"""Non-maximum suppression and average precision in NumPy."""

import numpy as np

IOUS = np.arange(0.5, 0.96, 0.05)


def iou_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the IoU [n, m] of boxes [n, 4] and [m, 4] (x1, y1, x2, y2)."""
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inter = np.clip(size, 0, None).prod(-1)
    area = lambda t: (t[:, 2:] - t[:, :2]).prod(-1)
    return inter / (area(a)[:, None] + area(b)[None] - inter + 1e-9)


def suppress(raw: np.ndarray, confidence: float, iou: float = 0.7, limit: int = 300, candidates: int = 600) -> np.ndarray:
    """Greedy suppression within each class of one raw output [4 + C, A] (centre, size, scores).

    Returns rows [n, 6]: x1, y1, x2, y2, score, class; best score first, at most `limit`.
    """
    scores, cls = raw[4:].max(0), raw[4:].argmax(0)
    order = np.argsort(-scores, kind="stable")[:candidates]
    order = order[scores[order] > confidence]
    xy, half = raw[:2, order].T, raw[2:4, order].T / 2
    boxes, cls, scores = np.concatenate([xy - half, xy + half], 1), cls[order], scores[order]
    clash = (iou_matrix(boxes, boxes) > iou) & (cls[:, None] == cls[None])
    keep = np.ones(len(order), bool)
    for i in range(len(order)):
        if keep[i]:
            keep[i + 1 :] &= ~clash[i, i + 1 :]
    return np.concatenate([boxes, scores[:, None], cls[:, None]], 1)[keep][:limit].astype(np.float32)


def average_precision(found: list[np.ndarray], truth: list[np.ndarray], classes: int) -> np.ndarray:
    """Returns AP [classes, 10] at IoU 0.5 to 0.95, by 101 recall points.

    found: for each image rows [n, 6] (x1, y1, x2, y2, score, class); truth: rows [n, 5] (class, x1, y1, x2, y2).
    """
    out = np.full((classes, len(IOUS)), np.nan)
    for c in range(classes):
        scores, hits, total = [], [], 0
        for f, t in zip(found, truth):
            f, t = f[f[:, 5] == c], t[t[:, 0] == c][:, 1:]
            f = f[np.argsort(-f[:, 4], kind="stable")]
            total += len(t)
            hit = np.zeros((len(f), len(IOUS)), bool)
            if len(f) and len(t):
                overlap = iou_matrix(f[:, :4], t)
                for k, limit in enumerate(IOUS):
                    free = np.ones(len(t), bool)
                    for i in range(len(f)):
                        j = int(np.argmax(overlap[i] * free))
                        if free[j] and overlap[i, j] >= limit:
                            hit[i, k], free[j] = True, False
            scores.append(f[:, 4])
            hits.append(hit)
        if not total:
            continue
        order = np.argsort(-np.concatenate(scores), kind="stable")
        right = np.concatenate(hits)[order].cumsum(0)
        recall, precision = right / total, right / np.arange(1, len(order) + 1)[:, None]
        precision = np.maximum.accumulate(precision[::-1], 0)[::-1]
        for k in range(len(IOUS)):
            at = np.searchsorted(recall[:, k], np.linspace(0, 1, 101))
            out[c, k] = np.where(at < len(order), precision[np.minimum(at, len(order) - 1), k], 0).mean() if len(order) else 0
    return out


def report(found: list[np.ndarray], truth: list[np.ndarray], names: list[str], confidence: float = 0.4) -> tuple[float, float]:
    """Prints a table of AP by class, and precision and recall at one confidence; returns (mAP50, mAP50-95)."""
    ap = average_precision(found, truth, len(names))
    print(f"{'class':14} {'objects':>8} {'AP50':>7} {'AP50-95':>8}")
    for c, name in enumerate(names):
        print(f"{name:14} {sum(int((t[:, 0] == c).sum()) for t in truth):8d} {ap[c, 0]:7.3f} {ap[c].mean():8.3f}")
    kept = [f[f[:, 4] >= confidence] for f in found]
    right = 0
    for f, t in zip(kept, truth):
        free = np.ones(len(t), bool)
        for row in f:
            same = (iou_matrix(row[None, :4], t[:, 1:])[0] if len(t) else np.zeros(0)) * (free & (t[:, 0] == row[5]))
            if len(same) and same.max() >= 0.5:
                right, free[int(same.argmax())] = right + 1, False
    n, m = sum(map(len, kept)), sum(map(len, truth))
    print(f"mAP50 {np.nanmean(ap[:, 0]):.3f}  mAP50-95 {np.nanmean(ap):.3f}", end="  ")
    print(f"at confidence {confidence}: precision {right / max(n, 1):.3f}, recall {right / max(m, 1):.3f}")
    return float(np.nanmean(ap[:, 0])), float(np.nanmean(ap))
