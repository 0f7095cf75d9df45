"""A small painter's-algorithm renderer: camera, moods and a canvas that records who owns each pixel.

World axes: x to the right, y up, z forward, in metres; the road runs along z. Colours are RGB, 0 to 255.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

NEAR_M = 0.25
LAMP_RGB = (1.15, 0.9, 0.58)
HALF_RING = [complex(math.cos(t), math.sin(t)) for t in (-math.pi / 2 + math.pi * i / 7 for i in range(8))]
EMIT_BIT = 128  # set in the owner channel where a pixel gives off light

_rng = np.random.default_rng(7)


def _noise_tile(size: int = 512) -> np.ndarray:
    """Returns tileable noise [size, size] float32 of mean 0 and about -1 to 1."""
    tile = np.zeros((size, size), np.float32)
    for cells, gain in ((4, 0.5), (16, 0.5), (64, 0.45), (256, 0.5)):
        grid = _rng.standard_normal((cells, cells)).astype(np.float32)
        grid = np.pad(grid, 2, mode="wrap")
        big = cv2.resize(grid, None, fx=size / cells, fy=size / cells, interpolation=cv2.INTER_CUBIC)
        pad = 2 * size // cells
        tile += gain * big[pad : pad + size, pad : pad + size]
    return tile / 1.6


NOISE = _noise_tile()


def noise(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Samples the noise tile at float arrays u, v of one shape (512 units a period)."""
    return cv2.remap(
        NOISE, (u % 512).astype(np.float32), (v % 512).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


@dataclass
class Mood:
    """Light and weather of one scene; colours are RGB arrays, `fog_m` the distance of 63 % haze."""

    name: str
    sun: np.ndarray
    sun_rgb: np.ndarray
    ambient: np.ndarray
    sky_top: np.ndarray
    sky_low: np.ndarray
    fog_m: float
    glow: float
    lit: float  # share of lit windows
    lamps: bool
    clouds: float


def make_mood(name: str, rng: np.random.Generator) -> Mood:
    """Returns the mood `name` (day, dusk, night or fog) with random sun and haze."""
    azimuth, rise = rng.uniform(0, 2 * np.pi), {"dusk": rng.uniform(0.12, 0.3)}.get(name, rng.uniform(0.5, 1.1))
    sun = np.array([np.sin(azimuth) * np.cos(rise), np.sin(rise), -np.cos(azimuth) * np.cos(rise)])
    a = lambda *c: np.array(c, float)
    if name == "day":
        if rng.random() < 0.3:  # overcast
            return Mood(
                name,
                sun,
                a(0.18, 0.18, 0.18),
                a(0.68, 0.7, 0.73),
                a(168, 178, 190),
                a(212, 216, 219),
                260,
                0.1,
                0.05,
                False,
                0.7,
            )
        return Mood(
            name, sun, a(0.68, 0.63, 0.53), a(0.48, 0.52, 0.58), a(70, 122, 196), a(186, 209, 228), 420, 0.12, 0.02, False, 1.0
        )
    if name == "dusk":
        return Mood(
            name, sun, a(0.52, 0.36, 0.24), a(0.4, 0.39, 0.48), a(66, 76, 132), a(240, 172, 122), 220, 0.55, 0.3, True, 1.0
        )
    if name == "night":
        return Mood(name, sun, a(0, 0, 0.0), a(0.19, 0.2, 0.28), a(9, 12, 27), a(38, 38, 58), 160, 1.0, 0.4, True, 0.35)
    grey = rng.uniform(150, 200)
    return Mood(
        name,
        sun,
        a(0.06, 0.06, 0.06),
        a(0.62, 0.64, 0.66),
        a(grey, grey + 3, grey + 6),
        a(grey, grey + 2, grey + 4),
        rng.uniform(22, 48),
        0.45,
        0.15,
        True,
        0.0,
    )


class Camera:
    """A pinhole camera at (x, height_m, 0); yaw to the right and pitch down in radians, focal length in pixels."""

    def __init__(self, width: int, height: int, focal: float, x: float, height_m: float, yaw: float, pitch: float):
        self.width, self.height, self.focal = width, height, focal
        self.pos = np.array([x, height_m, 0.0])
        sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
        self.axes = np.array([[cy, 0, -sy], [sy * sp, cp, cy * sp], [sy * cp, -sp, cy * cp]])
        self._rows, self._at = self.axes.tolist(), self.pos.tolist()

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points [..., 3] to camera axes (right, up, forward), metres."""
        return (points - self.pos) @ self.axes.T

    def to_pixels(self, cam: np.ndarray) -> np.ndarray:
        """Camera points [..., 3] in front of the camera to pixels [..., 2]."""
        uv = cam[..., :2] * (self.focal / cam[..., 2:3])
        return np.stack([self.width / 2 + uv[..., 0], self.height / 2 - uv[..., 1]], -1)

    def turn(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """One world point to camera axes, as `to_camera` in plain floats."""
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        x, y, z = x - self._at[0], y - self._at[1], z - self._at[2]
        return a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z

    def pixel(self, cam) -> tuple[float, float]:
        """One camera point to pixels, as `to_pixels` in plain floats."""
        k = self.focal / cam[2]
        return self.width / 2 + cam[0] * k, self.height / 2 - cam[1] * k

    def rays(self) -> np.ndarray:
        """World directions [H, W, 3] of all pixels, of forward length 1."""
        u = (np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / self.focal
        v = -(np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2) / self.focal
        a = self.axes.astype(np.float32)
        return u[None, :, None] * a[0] + v[:, None, None] * a[1] + a[2]


def clip_near(cam: list) -> list:
    """Cuts a polygon of camera points at the near plane."""
    out = []
    for p, q in zip(cam, cam[1:] + cam[:1]):
        if p[2] >= NEAR_M:
            out.append(p)
        if (p[2] >= NEAR_M) != (q[2] >= NEAR_M):
            k = (NEAR_M - p[2]) / (q[2] - p[2])
            out.append(tuple(a + (b - a) * k for a, b in zip(p, q)))
    return out


class Canvas:
    """Pixels [H, W, 4] uint8: RGB and the owner's id (0 scenery, 1 to 127 objects, plus EMIT_BIT)."""

    def __init__(self, camera: Camera, mood: Mood):
        self.camera, self.mood = camera, mood
        self.pixels = np.zeros((camera.height, camera.width, 4), np.uint8)
        self.lamps = np.zeros((0, 3))  # street lights, world positions
        self._lamps, self._pos, self._sun = None, camera.pos.tolist(), mood.sun.tolist()
        self._lean = float(camera.axes[0] @ mood.sun)
        self.owner = 0
        self.drawn: dict[int, list] = {}  # owner -> [(points in 1/8 pixel, line width or 0)]

    def shade(self, rgb, centre, facing: float, upward: float, emit: bool = False) -> list[float]:
        """Lights and hazes a surface: `facing` is the cosine to the sun, `upward` the height of its unit normal.

        Plain floats, not arrays: a scene has thousands of small polygons, and this is where the time goes.
        """
        m, (x, y, z), (px, py, pz) = self.mood, centre, self._pos
        k = 1 - math.exp(-math.sqrt((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2) / m.fog_m)
        near = 0.0
        for lx, ly, lz in self._lamp_list():
            near += 9.0 / (6.0 + (x - lx) ** 2 + (y - ly) ** 2 + (z - lz) ** 2)
        near, sky = min(near, 1.1), 0.86 + 0.14 * upward
        out = []
        for value, ambient, sun, lamp, low in zip(rgb, m.ambient.tolist(), m.sun_rgb.tolist(), LAMP_RGB, m.sky_low.tolist()):
            light = 1.0 if emit else ambient * sky + sun * facing + lamp * near
            out.append(min(255.0, max(0.0, float(value) * light * (1 - k) + low * k)))
        return out

    def _lamp_list(self):
        if self._lamps is None:
            self._lamps = self.lamps.tolist()
        return self._lamps

    def _paint(self, pts, rgb, emit: bool):
        pts = np.clip(np.array(pts) * 8, -2e5, 2e5).astype(np.int32)
        cv2.fillPoly(self.pixels, [pts], (*rgb, self.owner | (EMIT_BIT if emit else 0)), shift=3)
        if self.owner:
            self.drawn.setdefault(self.owner, []).append((pts, 0))

    def polygon(self, points, rgb, inside=None, emit=False):
        """Fills a flat polygon [n, 3]; with `inside`, a point within the solid, faces turned away are left out."""
        pts = points.tolist()
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = pts[:3]
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        size, n, (px, py, pz) = math.sqrt(nx * nx + ny * ny + nz * nz), len(pts), self._pos
        if size < 1e-9:
            return
        mid = [sum(p[i] for p in pts) / n for i in range(3)]
        away = nx * (ax - px) + ny * (ay - py) + nz * (az - pz)
        if inside is not None:
            if nx * (mid[0] - inside[0]) + ny * (mid[1] - inside[1]) + nz * (mid[2] - inside[2]) < 0:
                size, away = -size, -away
            if away > 0:
                return
        elif away > 0:
            size = -size
        cam = [self.camera.turn(x, y, z) for x, y, z in pts]
        if min(c[2] for c in cam) < NEAR_M:
            cam = clip_near(cam)
        if len(cam) >= 3:
            facing = max(0.0, (nx * self._sun[0] + ny * self._sun[1] + nz * self._sun[2]) / size)
            self._paint([self.camera.pixel(c) for c in cam], self.shade(rgb, mid, facing, ny / size, emit), emit)

    def capsule(self, p, q, rp: float, rq: float, rgb, emit=False):
        """Draws a round limb from p to q with radii rp and rq in metres, lit from one side."""
        a, b = self.camera.turn(*map(float, p)), self.camera.turn(*map(float, q))
        if min(a[2], b[2]) < NEAR_M:
            return
        ra, rb = max(0.5, rp * self.camera.focal / a[2]), max(0.5, rq * self.camera.focal / b[2])
        pa, pb = complex(*self.camera.pixel(a)), complex(*self.camera.pixel(b))
        colour = self.shade(rgb, tuple(map(float, p)), 0.55, 1.0, emit)
        along = (pb - pa) / abs(pb - pa) if abs(pb - pa) > 1e-6 else 1j
        for scale, shift, gain in ((1.0, 0.0, 0.8), (0.62, 0.28, 1.06)):
            if scale < 1 and (emit or max(ra, rb) < 2.5):
                continue
            offset = complex(self._lean, -0.5) * shift
            ring = [pa + (offset - h * along * scale) * ra for h in HALF_RING] + [
                pb + (offset + h * along * scale) * rb for h in HALF_RING
            ]
            self._paint([(c.real, c.imag) for c in ring], [min(255.0, v * (1 if emit else gain)) for v in colour], emit)
