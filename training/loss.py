"""Training targets and loss: every object gets the points that score and fit it best."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from model import decode

TOP, ALPHA, BETA = 10, 0.5, 6.0


def box_iou(a: Tensor, b: Tensor, complete: bool = False) -> Tensor:
    """Returns the IoU of boxes [..., 4] (x1, y1, x2, y2), broadcast; `complete` takes off centre distance and aspect (CIoU)."""
    inter = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    size_a, size_b = (a[..., 2:] - a[..., :2]).clamp(min=1e-3), (b[..., 2:] - b[..., :2]).clamp(min=1e-3)
    iou = inter / (size_a.prod(-1) + size_b.prod(-1) - inter + 1e-6)
    if not complete:
        return iou
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) ** 2).sum(-1) / 4
    v = (4 / math.pi**2) * (torch.atan(size_b[..., 0] / size_b[..., 1]) - torch.atan(size_a[..., 0] / size_a[..., 1])) ** 2
    with torch.no_grad():
        weight = v / (v - iou + 1.001)
    return iou - apart / ((hull**2).sum(-1) + 1e-6) - weight * v


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, points: Tensor, strides: Tensor, cls: Tensor, truth: Tensor, real: Tensor):
    """Picks points for objects.

    scores [B, A, C] after the sigmoid, boxes [B, A, 4], cls [B, N] int64, truth [B, N, 4], real [B, N] bool (padding is False).
    Returns the object of each point [B, A], whether it has one [B, A], and its target score [B, A] from 0 to 1.
    """
    near = (points[None, None] - (truth[:, :, None, :2] + truth[:, :, None, 2:]) / 2).abs()
    reach = torch.maximum((truth[..., 2:] - truth[..., :2])[:, :, None] / 2, 0.75 * strides[None, None])
    inside = (near < reach).all(-1) & real[..., None]  # [B, N, A]
    iou = box_iou(truth[:, :, None], boxes[:, None]) * inside
    own = scores.transpose(1, 2).gather(1, cls[..., None].expand(-1, -1, scores.shape[1]))
    fit = own**ALPHA * iou**BETA * inside
    best = fit.topk(TOP, -1)
    chosen = torch.zeros_like(fit).scatter_(2, best.indices, (best.values > 1e-12).float()).bool()
    iou_chosen = torch.where(chosen, iou, torch.full_like(iou, -1.0))
    top_iou, owner = iou_chosen.max(1)
    has = top_iou >= 0
    kept = chosen & (torch.arange(truth.shape[1])[None, :, None] == owner[:, None])
    fit = fit * kept
    norm = fit / (fit.amax(-1, keepdim=True) + 1e-12) * (iou * kept).amax(-1, keepdim=True)
    return owner, has, norm.amax(1)


def detection_loss(raw: Tensor, logits: Tensor, points: Tensor, strides: Tensor, cls: Tensor, truth: Tensor, real: Tensor):
    """Returns (loss, parts): BCE on soft scores, CIoU and L1 (in strides) on boxes; shapes as in `assign`, raw [B, A, 4]."""
    raw, logits = raw.float(), logits.float()
    boxes = decode(raw, points, strides)
    owner, has, target = assign(logits.detach().sigmoid(), boxes.detach(), points, strides, cls, truth, real)
    wanted = torch.zeros_like(logits)
    wanted.scatter_(2, cls.gather(1, owner)[..., None], (target * has)[..., None])
    total = target[has].sum().clamp(min=1.0)
    score_loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / total
    goal, weight = truth.gather(1, owner[..., None].expand(-1, -1, 4))[has], target[has]
    box_loss = ((1 - box_iou(boxes[has], goal, complete=True)) * weight).sum() / total
    scale = strides.expand(len(raw), -1, -1)[has]
    side_loss = (((boxes[has] - goal) / scale).abs().clamp(max=8).mean(-1) * weight).sum() / total
    return score_loss + 3.0 * box_loss + 0.5 * side_loss, (score_loss.item(), box_loss.item(), side_loss.item())
