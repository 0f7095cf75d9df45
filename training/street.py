"""The scenery of a street: sky, ground, shadows, buildings, trees and street furniture. Nothing here has a box."""

from dataclasses import dataclass

import cv2
import numpy as np

from render import LAMP_RGB, Canvas, noise

WALLS = [
    (176, 110, 86),
    (198, 172, 138),
    (150, 148, 146),
    (206, 198, 184),
    (126, 78, 64),
    (174, 156, 128),
    (112, 122, 134),
    (188, 138, 104),
    (220, 212, 196),
]
AWNINGS = [(170, 40, 40), (36, 92, 70), (36, 60, 120), (214, 160, 50), (230, 226, 216)]


@dataclass
class Plan:
    """Where the road lies: half width, kerb to wall, and a crossing street (its centre and half width) or None."""

    half: float
    walk: float
    cross: float | None
    cross_half: float


def paint_sky(canvas: Canvas, rays: np.ndarray, rng):
    """Fills all pixels with sky, clouds and, far off, hazy roofs."""
    m = canvas.mood
    rise = rays[..., 1] / np.sqrt(rays[..., 0] ** 2 + rays[..., 2] ** 2)
    k = np.clip(rise / 0.75, 0, 1)[..., None] ** 0.6
    low, top = m.sky_low.astype(np.float32), m.sky_top.astype(np.float32)
    sky = low * (1 - k) + top * k
    if m.clouds:
        deep = 30 / np.maximum(rise + 0.08, 0.05)
        puff = noise(rays[..., 0] * deep + rng.uniform(0, 512), rays[..., 2] * deep * 0.6 + rng.uniform(0, 512))
        puff = (
            np.clip(puff * 1.3 + rng.uniform(-0.3, 0.4), 0, 1)[..., None] * np.clip(rise * 7, 0, 1)[..., None] * m.clouds * 0.75
        )
        light = np.clip(low * 1.05 + (20 if m.name != "night" else 4), 0, 255)
        sky = sky * (1 - puff) + light * puff
    canvas.pixels[..., :3] = np.clip(sky, 0, 255)
    x = -220.0
    while x < 220:
        w, h, z = rng.uniform(8, 24), rng.uniform(8, 34), rng.uniform(150, 190)
        canvas.polygon(np.array([(x, 0, z), (x + w, 0, z), (x + w, h, z), (x, h, z)]), WALLS[rng.integers(len(WALLS))])
        x += w * rng.uniform(0.8, 1.5)


def paint_ground(canvas: Canvas, rays: np.ndarray, plan: Plan, shadows: list[np.ndarray], pools: list, rng):
    """Fills the pixels below the horizon: asphalt, kerbs, paving and markings, lit by lamps and `pools` (x, z, radius, rgb)."""
    cam, m, low = canvas.camera, canvas.mood, canvas.mood.sky_low.astype(np.float32)
    rows = np.flatnonzero(rays[:, 0, 1] < -0.004)  # the camera does not roll
    if not len(rows):
        return
    top = rows[0]
    rays = rays[top:]
    t = -float(cam.pos[1]) / rays[..., 1]
    x, z = float(cam.pos[0]) + t * rays[..., 0], t * rays[..., 2]
    far = np.sqrt(t * t * (rays**2).sum(-1))
    detail = np.clip(1.5 - far / 40, 0.0, 1)
    grain = noise(x * 37, z * 37) * detail * 11 + noise(x * 5, z * 5) * 9
    ax, hw = np.abs(x), plan.half
    road = ax < hw
    dz = np.full_like(z, 99)
    if plan.cross is not None:
        dz = np.abs(z - plan.cross)
        road |= dz < plan.cross_half
    grey = rng.uniform(62, 92)
    shade = np.where(road, grey, rng.uniform(128, 158)).astype(np.float32)
    slab = ((x % 1.2 < 0.05) | (z % 1.2 < 0.05)) & ~road
    shade -= slab * 26 * detail
    shade += grain
    kerb = (ax >= hw) & (ax < hw + 0.22) & (dz >= plan.cross_half)
    shade = np.where(kerb, 172, shade)
    shade = np.where((ax >= hw - 0.12) & (ax < hw) & (dz >= plan.cross_half), 48, shade)
    worn = 208 + grain * 1.5
    open_road = dz > plan.cross_half + 4.5
    lines = (ax < 0.09) & (z % 6 < 3.2) & open_road
    if rng.random() < 0.5:
        lines |= (np.abs(ax - (hw - 2.3)) < 0.07) & open_road & road
    if hw > 5.5:
        lines |= (np.abs(ax - hw / 2) < 0.07) & (z % 6 < 2.5) & open_road
    if plan.cross is not None:
        lines |= (dz > plan.cross_half + 0.7) & (dz < plan.cross_half + 3.2) & (ax < hw - 0.3) & (x % 1.1 < 0.55)
        lines |= (np.abs(dz - plan.cross_half - 4.2) < 0.18) & (ax < hw - 0.2)
        lines |= (np.abs(z - plan.cross) < 0.09) & (ax > hw + 1) & (x % 6 < 3.2)
    shade = np.where(lines & road, worn, shade)
    tint = np.array([(1.03, 1.0, 0.95), (0.98, 1.0, 1.04)], np.float32)[road.astype(np.uint8)]
    rgb = shade[..., None] * tint
    lawn = (ax > hw + plan.walk + 8) & ~road
    if lawn.any():
        rgb[lawn] = np.array((78, 104, 58), np.float32) + grain[lawn][:, None]
    mask = np.ones((canvas.camera.height, canvas.camera.width), np.uint8)
    for hull in shadows:
        c = cam.to_camera(hull)
        if c[:, 2].min() > 0.4:
            cv2.fillConvexPoly(mask, cv2.convexHull(np.clip(cam.to_pixels(c), -2e4, 2e4).astype(np.int32)), 0)
    scale = max(3, int(cam.width / 130) | 1)
    soft = cv2.blur(mask[top:].astype(np.float32), (scale, scale))[..., None]
    facing = m.sun_rgb * m.sun[1]
    light = m.ambient.astype(np.float32) * (0.62 + 0.38 * soft) + facing.astype(np.float32) * soft
    if len(canvas.lamps) or pools:
        lamp, beam = np.zeros_like(x), np.zeros_like(x)
        for lx, ly, lz in canvas.lamps.tolist():
            lamp += np.minimum(1.0, 9.0 / (6 + ly * ly * 0.5 + (x - lx) ** 2 + (z - lz) ** 2))
        for px, pz, radius, _ in pools:
            beam += np.exp(-(((x - px) / radius) ** 2) - ((z - pz) / (2.2 * radius)) ** 2)
        light += (lamp * (0.5 + 0.5 * soft[..., 0]))[..., None] * np.array(LAMP_RGB, np.float32)
        if pools:
            light += beam[..., None] * np.array(pools[0][3], np.float32)
    haze = 1 - np.exp(-far / m.fog_m)[..., None]
    rgb *= light
    canvas.pixels[top:, :, :3] = np.minimum(rgb, 255) * (1 - haze) + low * haze
    canvas.pixels[top:, :, 3] = 0


def _windows(canvas: Canvas, corner, along, width, height, rng, ground_floor):
    """Draws rows of windows on a wall that starts at `corner` [3] and runs `along` (unit [3])."""
    m, up = canvas.mood, np.array([0, 1.0, 0])
    if corner[2] > 75:
        return
    pitch, floor = rng.uniform(2.0, 3.2), rng.uniform(2.9, 3.5)
    cols, w, h = max(1, int(width / pitch)), pitch * rng.uniform(0.42, 0.62), floor * rng.uniform(0.48, 0.62)
    quad = lambda a, b, c, d: np.array(
        [corner + a * along + c * up, corner + b * along + c * up, corner + b * along + d * up, corner + a * along + d * up]
    )
    out = np.cross(along, up)
    push = out * 0.03 * np.sign(out @ (canvas.camera.pos - corner))
    glass = np.array(m.sky_top * 0.35 + m.sky_low * 0.12 + (18, 22, 28))
    for r in range(int((height - ground_floor - 0.4) / floor)):
        y = ground_floor + 0.8 + r * floor
        for c in range(cols):
            a = (c + 0.5) * width / cols - w / 2
            lit = rng.random() < m.lit
            rgb = (
                np.array([(255, 214, 140), (255, 232, 184), (220, 226, 240)][rng.integers(3)]) * rng.uniform(0.6, 0.95)
                if lit
                else glass * rng.uniform(0.7, 1.3)
            )
            canvas.polygon(quad(a, a + w, y, y + h) + push, rgb, emit=lit)
            if not lit and height < 16:
                canvas.polygon(quad(a - 0.08, a + w + 0.08, y - 0.16, y - 0.02) + push, (200, 196, 188))
    shop = rng.random() < 0.65
    for a in np.arange(0.5, width - 2.5, 3.4):
        lit = shop and (m.lamps and rng.random() < 0.75)
        rgb = (
            np.array(((255, 222, 160), (236, 232, 220), (255, 206, 132))[rng.integers(3)]) * rng.uniform(0.45, 0.8)
            if lit
            else glass * 1.1
        )
        if not shop:
            canvas.polygon(quad(a, a + 1.2, 0.05, ground_floor - 0.9) + push, (86, 64, 48))
            continue
        canvas.polygon(quad(a - 0.1, a + 2.8, 0.35, ground_floor - 0.85) + push, (52, 50, 50))
        for k in range(3):
            canvas.polygon(
                quad(a + 0.9 * k, a + 0.9 * k + 0.84, 0.5, ground_floor - 1.2) + push * 1.5,
                rgb * rng.uniform(0.85, 1.1),
                emit=lit,
            )
            shelf = rng.uniform(0.8, 1.5)
            canvas.polygon(quad(a + 0.9 * k, a + 0.9 * k + 0.84, 0.5, shelf) + push * 2, rgb * rng.uniform(0.3, 0.7))
    if shop:
        tone = AWNINGS[rng.integers(len(AWNINGS))]
        canvas.polygon(quad(0.3, width - 0.3, ground_floor - 0.75, ground_floor - 0.15) + push, tone)
        reach = push / 0.03 * 1.1
        q = quad(0.4, width - 0.4, ground_floor - 1.0, ground_floor - 0.7)
        q[:2] += reach
        if rng.random() < 0.6:
            canvas.polygon(q, tone)


def draw_building(canvas: Canvas, rng, x0: float, x1: float, z0: float, z1: float):
    """Draws a block on the footprint [x0, x1] x [z0, z1] metres."""
    cam, wall = canvas.camera.pos, np.array(WALLS[rng.integers(len(WALLS))]) * rng.uniform(0.8, 1.05)
    h, ground = rng.uniform(7, 24), rng.uniform(3.4, 4.2)
    inside = np.array([(x0 + x1) / 2, h / 2, (z0 + z1) / 2])
    walls = []
    if cam[0] < x0 or cam[0] > x1:
        wx = x0 if cam[0] < x0 else x1
        walls.append((np.array([wx, 0, z0]), np.array([0, 0, 1.0]), z1 - z0))
    if z0 > 0.5:
        walls.append((np.array([x0, 0, z0]), np.array([1.0, 0, 0]), x1 - x0))
    up = np.array([0, 1.0, 0])
    for corner, along, width in walls:
        n = max(1, int(width / 5))
        for i in range(n):  # in strips, so that light and haze follow the distance
            a, b = corner + along * width * i / n, corner + along * width * (i + 1) / n
            canvas.polygon(np.array([a, b, b + h * up, a + h * up]), wall, inside)
            canvas.polygon(np.array([a, b, b + ground * up, a + ground * up]), wall * 0.8, inside)
        canvas.polygon(
            np.array(
                [
                    corner + (h - 0.5) * up,
                    corner + along * width + (h - 0.5) * up,
                    corner + along * width + h * up,
                    corner + h * up,
                ]
            ),
            wall * 1.15,
            inside,
        )
        _windows(canvas, corner, along, width, h, rng, ground)


def draw_tree(canvas: Canvas, rng, x: float, z: float):
    """Draws a street tree."""
    h = rng.uniform(4, 7.5)
    green = np.array(
        [(70, 104, 48), (92, 118, 54), (54, 88, 52), (168, 112, 44), (120, 120, 60)][
            rng.choice(5, p=[0.3, 0.25, 0.2, 0.15, 0.1])
        ],
        float,
    )
    canvas.capsule((x, 0, z), (x, h * 0.6, z), 0.16, 0.1, (84, 66, 52))
    for tone, n in ((0.6, 12), (0.78, 20), (0.95, 26), (1.12, 24)):
        for _ in range(n):
            d, r = rng.normal(0, 0.72 if tone < 1 else 0.6, 3) * (1, 0.75, 0.5) * h / 6, rng.uniform(0.22, 0.5) * h / 6
            lift = (tone - 0.8) * 1.8
            p = np.array([x, h * 0.76 + lift, z]) + d
            canvas.capsule(p, p, r, r, green * tone * rng.uniform(0.9, 1.1))


def draw_lamp_post(canvas: Canvas, x: float, z: float, lean: float):
    """Draws a street lamp with its arm towards the road (`lean` metres, signed)."""
    canvas.capsule((x, 0, z), (x, 6.4, z), 0.1, 0.06, (78, 82, 86))
    canvas.capsule((x, 6.4, z), (x + lean, 6.6, z), 0.05, 0.05, (78, 82, 86))
    on = canvas.mood.lamps
    canvas.capsule(
        (x + lean * 0.7, 6.52, z), (x + lean, 6.55, z), 0.13, 0.13, (255, 222, 160) if on else (190, 192, 190), emit=on
    )


def draw_furniture(canvas: Canvas, rng, x: float, z: float):
    """Draws a bollard, bin, sign, hydrant or hedge: things that are none of the classes."""
    kind = rng.integers(5)
    if kind == 0:
        canvas.capsule((x, 0, z), (x, 0.85, z), 0.09, 0.09, (66, 68, 72))
    elif kind == 1:
        canvas.capsule((x, 0.25, z), (x, 0.85, z), 0.3, 0.3, [(44, 74, 58), (70, 72, 76), (30, 60, 110)][rng.integers(3)])
    elif kind == 2:
        canvas.capsule((x, 0, z), (x, 2.5, z), 0.05, 0.05, (130, 132, 136))
        t = np.linspace(0, 2 * np.pi, 3 if rng.random() < 0.3 else 12, endpoint=False) + np.pi / 2
        rgb = [(36, 84, 170), (200, 36, 40), (236, 236, 232)][rng.integers(3)]
        ring = np.stack([x + 0.34 * np.cos(t), 2.5 + 0.34 * np.sin(t), np.full(len(t), z - 0.06)], 1)
        canvas.polygon(ring, rgb)
        ring[:, :2] = (ring[:, :2] - (x, 2.5)) * 0.62 + (x, 2.5)
        canvas.polygon(ring - (0, 0, 0.01), (238, 238, 234))
    elif kind == 3:
        canvas.capsule((x, 0.1, z), (x, 0.6, z), 0.14, 0.12, (190, 40, 34))
    else:
        for i in range(5):
            canvas.capsule(
                (x, 0.45, z + i * 0.4), (x, 0.6, z + i * 0.4), 0.45, 0.4, np.array((66, 96, 52)) * rng.uniform(0.85, 1.1)
            )
