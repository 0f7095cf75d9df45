"""A small anchor-free detector: a trunk of cross-stage blocks, a two-way feature pyramid, one head for each stride."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)


class Conv(nn.Sequential):
    """Convolution, batch norm, SiLU."""

    def __init__(self, c_in: int, c_out: int, k: int = 1, stride: int = 1, groups: int = 1):
        super().__init__(
            nn.Conv2d(c_in, c_out, k, stride, k // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out, 1e-3, 0.03),
            nn.SiLU(inplace=True),
        )


class Stage(nn.Module):
    """Half of the channels go through n residual pairs of 3x3 convolutions, the other half pass by; all are joined."""

    def __init__(self, c_in: int, c_out: int, n: int, residual: bool = True):
        super().__init__()
        half = c_out // 2
        self.split, self.residual = Conv(c_in, c_out), residual
        self.pairs = nn.ModuleList(nn.Sequential(Conv(half, half // 2, 3), Conv(half // 2, half, 3)) for _ in range(n))
        self.join = Conv(c_out + n * half, c_out)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.split(x).chunk(2, 1))
        for pair in self.pairs:
            parts.append(pair(parts[-1]) + parts[-1] if self.residual else pair(parts[-1]))
        return self.join(torch.cat(parts, 1))


class Pool(nn.Module):
    """Joins three widening max pools, so that the coarsest level sees the whole picture."""

    def __init__(self, c: int):
        super().__init__()
        self.shrink, self.join = Conv(c, c // 2), Conv(c * 2, c)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.shrink(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.join(torch.cat(parts, 1))


class Detector(nn.Module):
    """Maps RGB / 255 [B, 3, H, W] (sides multiples of 32) to raw distances [B, A, 4] and class logits [B, A, classes].

    A = HW/64 + HW/256 + HW/1024 points, fine stride first, rows first.
    """

    def __init__(self, classes: int = 6, channels: tuple[int, ...] = (12, 24, 48, 96, 160), head: int = 48):
        super().__init__()
        self.classes = classes
        c1, c2, c3, c4, c5 = channels  # at strides 2 to 32: thin where the pictures are large, for training on CPUs
        self.stem = nn.Sequential(Conv(3, c1, 3, 2), Conv(c1, c2, 3, 2))
        self.p3 = nn.Sequential(Conv(c2, c3, 3, 2), Stage(c3, c3, 2))
        self.p4 = nn.Sequential(Conv(c3, c4, 3, 2), Stage(c4, c4, 2))
        self.p5 = nn.Sequential(Conv(c4, c5, 3, 2), Stage(c5, c5, 1), Pool(c5))
        self.up4, self.up3 = Stage(c5 + c4, c4, 1, False), Stage(c4 + c3, c3, 1, False)
        self.down4, self.down5 = Conv(c3, c3, 3, 2), Conv(c4, c4, 3, 2)
        self.out4, self.out5 = Stage(c3 + c4, c4, 1, False), Stage(c4 + c5, c5, 1, False)
        branch = lambda c, n: nn.Sequential(
            Conv(c, head),
            Conv(head, head, 3, groups=head),
            Conv(head, head),
            Conv(head, head, 3, groups=head),
            Conv(head, head),
            nn.Conv2d(head, n, 1),
        )
        self.boxes = nn.ModuleList(branch(c, 4) for c in (c3, c4, c5))
        self.scores = nn.ModuleList(branch(c, classes) for c in (c3, c4, c5))
        for b, s in zip(self.boxes, self.scores):
            nn.init.constant_(b[-1].bias, 1.5)
            nn.init.constant_(s[-1].bias, -4.6)  # one point in a hundred is an object

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        twice = lambda t: F.interpolate(t, scale_factor=2.0, mode="nearest")
        p4 = self.up4(torch.cat([twice(p5), p4], 1))
        p3 = self.up3(torch.cat([twice(p4), p3], 1))
        p4 = self.out4(torch.cat([self.down4(p3), p4], 1))
        p5 = self.out5(torch.cat([self.down5(p4), p5], 1))
        flat = lambda heads: torch.cat([h(p).flatten(2) for h, p in zip(heads, (p3, p4, p5))], 2).transpose(1, 2)
        return flat(self.boxes), flat(self.scores)


def grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Returns the points [A, 2] (x, y in input pixels) and their strides [A, 1] of an input of this size."""
    points, strides = [], []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // s), torch.arange(width // s), indexing="ij")
        points.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * s)
        strides.append(torch.full((len(points[-1]), 1), float(s)))
    return torch.cat(points), torch.cat(strides)


def decode(raw: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Turns raw distances [B, A, 4] into boxes [B, A, 4] (x1, y1, x2, y2 in input pixels)."""
    sides = F.softplus(raw) * strides
    return torch.cat([points - sides[..., :2], points + sides[..., 2:]], -1)


class RawHead(nn.Module):
    """Wraps a detector for export: images to [B, 4 + classes, A], boxes as centre and size, scores after the sigmoid."""

    def __init__(self, detector: Detector, height: int, width: int):
        super().__init__()
        self.detector = detector
        points, strides = grid(height, width)
        self.register_buffer("points", points)
        self.register_buffer("strides", strides)

    def forward(self, images: Tensor) -> Tensor:
        raw, logits = self.detector(images)
        sides = F.softplus(raw) * self.strides
        low, high = sides[..., :2], sides[..., 2:]
        return torch.cat([self.points + (high - low) / 2, low + high, logits.sigmoid()], -1).transpose(1, 2)
