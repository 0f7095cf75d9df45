"""People, bicycles and traffic lights, drawn straight onto a canvas at a place on the ground (metres)."""

import cv2
import numpy as np

from render import NEAR_M, Canvas
from vehicles import Solid

SKIN = [(236, 196, 168), (222, 172, 138), (184, 128, 92), (132, 86, 58), (92, 60, 42)]
HAIR = [(30, 24, 20), (66, 44, 28), (120, 84, 48), (196, 164, 104), (140, 138, 136), (90, 40, 26)]
CLOTH = [
    (190, 36, 40),
    (36, 62, 128),
    (232, 226, 214),
    (44, 46, 52),
    (226, 168, 40),
    (52, 112, 78),
    (120, 124, 132),
    (212, 116, 44),
    (104, 56, 120),
    (90, 144, 190),
    (150, 108, 76),
    (226, 150, 170),
    (30, 30, 34),
]
LEGS = [(38, 48, 78), (30, 30, 34), (84, 80, 76), (150, 132, 104), (58, 76, 110), (96, 68, 50)]
LAMP_OFF = {"red": (88, 26, 24), "amber": (90, 66, 20), "green": (20, 70, 44)}
LAMP_ON = {"red": (255, 52, 40), "amber": (255, 182, 34), "green": (60, 255, 160)}


def _frame(heading):
    """Returns the unit vectors (side, forward) of a heading in radians; 0 looks away from the camera."""
    s, c = np.sin(heading), np.cos(heading)
    return np.array([c, 0, -s]), np.array([s, 0, c])


def draw_person(canvas: Canvas, rng, x: float, z: float, heading: float, riding: bool = False, height: float | None = None):
    """Draws a standing, walking or (with `riding`) cycling person; returns nothing, the canvas keeps the outline."""
    h = height or rng.uniform(1.58, 1.92)
    k = h / 1.75
    side, ahead = _frame(heading)
    up, base = np.array([0, 1.0, 0]), np.array([x, 0, z])
    at = lambda s, u, f: base + k * (s * side + u * up + f * ahead)
    skin, hair = SKIN[rng.integers(len(SKIN))], HAIR[rng.integers(len(HAIR))]
    top, legs, shoe = CLOTH[rng.integers(len(CLOTH))], LEGS[rng.integers(len(LEGS))], CLOTH[rng.integers(len(CLOTH))]
    stride = rng.uniform(-0.32, 0.32) if rng.random() < 0.75 else 0.05
    skirt, coat, bag = rng.random() < 0.18, rng.random() < 0.25, rng.random() < 0.35
    girth = rng.uniform(0.9, 1.2)
    if riding:
        hip, chest, neck = at(0, 0.98, -0.22), at(0, 1.36, 0.06), at(0, 1.5, 0.14)
        turn = rng.uniform(0, 2 * np.pi)
        feet = [at(s * 0.1, 0.3 + 0.15 * np.sin(turn + p), 0.05 + 0.15 * np.cos(turn + p)) for s, p in ((-1, 0), (1, np.pi))]
        knees = [(hip + f) / 2 + 0.17 * k * ahead for f in feet]
        hands = [at(s * 0.24, 1.06, 0.45) for s in (-1, 1)]
        elbows = [at(s * 0.28, 1.16, 0.22) for s in (-1, 1)]
    else:
        hip, chest, neck = at(0, 0.9, 0), at(0, 1.32, 0.02), at(0, 1.47, 0.03)
        feet = [at(s * 0.1, 0.07 + 0.08 * abs(stride) * (s * stride < 0), s * stride) for s in (-1, 1)]
        knees = [at(s * 0.1, 0.48, s * stride * 0.5 + 0.05) for s in (-1, 1)]
        hands = [at(s * 0.27, 0.83, -s * stride * 0.8 + 0.03) for s in (-1, 1)]
        elbows = [at(s * 0.27, 1.1, -s * stride * 0.4 - 0.03) for s in (-1, 1)]
        if rng.random() < 0.12:
            hands[0], elbows[0] = at(-0.16, 1.5, 0.16), at(-0.28, 1.2, 0.14)  # at the phone
    shoulders = [chest + s * 0.2 * k * girth * side + 0.04 * up for s in (-1, 1)]
    order = (0, 1) if (side @ (base - canvas.camera.pos)) < 0 else (1, 0)
    limb = lambda *a: canvas.capsule(*a)
    for n, i in enumerate(order):
        if n == 1:
            if bag and not riding:
                bag_rgb, back = CLOTH[rng.integers(len(CLOTH))], -0.17
                limb(at(0, 1.08, back), at(0, 1.3, back), 0.15 * k, 0.13 * k, bag_rgb)
            limb(hip, chest, 0.155 * k * girth, 0.19 * k * girth, top)
            limb(shoulders[0], shoulders[1], 0.075 * k, 0.075 * k, top)
            if coat and not riding:
                limb(at(0, 0.62, 0), chest, 0.2 * k * girth, 0.16 * k, top)
            elif skirt and not riding:
                limb(at(0, 0.55, 0), hip, 0.22 * k * girth, 0.13 * k, CLOTH[rng.integers(len(CLOTH))])
        near = hip + (0.09 if i else -0.09) * k * side
        limb(near, knees[i], 0.095 * k, 0.07 * k, skin if skirt else legs)
        limb(knees[i], feet[i], 0.066 * k, 0.045 * k, skin if skirt else legs)
        limb(feet[i] - 0.02 * up, feet[i] + 0.13 * k * ahead - 0.03 * up, 0.05 * k, 0.04 * k, shoe)
        limb(shoulders[i], elbows[i], 0.062 * k, 0.05 * k, tuple(np.array(top) * 0.86))
        limb(elbows[i], hands[i], 0.05 * k, 0.038 * k, tuple(np.array(top) * 0.86))
        limb(hands[i], hands[i], 0.045 * k, 0.045 * k, skin)
    head = neck + 0.17 * k * up + 0.02 * ahead
    limb(neck - 0.03 * up, head, 0.055 * k, 0.06 * k, skin)
    limb(head - 0.03 * up, head + 0.03 * k * up, 0.095 * k, 0.105 * k, skin)
    rear = head + 0.05 * k * up - 0.045 * k * ahead
    if riding and rng.random() < 0.6:
        limb(head + 0.07 * k * up, head + 0.09 * k * up, 0.12 * k, 0.11 * k, CLOTH[rng.integers(len(CLOTH))])
    else:
        limb(rear, rear + 0.03 * up - (0.16 * k * up if rng.random() < 0.35 else 0), 0.108 * k, 0.1 * k, hair)


def _line(canvas: Canvas, points, width_m: float, rgb, closed=False):
    """Draws a tube through world points [n, 3]."""
    cam = canvas.camera.to_camera(points)
    if cam[:, 2].min() < NEAR_M:
        return
    px = (canvas.camera.to_pixels(cam) * 8).astype(np.int32)
    width = max(1, int(round(width_m * canvas.camera.focal / cam[:, 2].mean())))
    colour = canvas.shade(rgb, points.mean(0).tolist(), 0.55, 1.0)
    cv2.polylines(canvas.pixels, [px], closed, (*map(float, colour), canvas.owner), width, shift=3)
    if canvas.owner:
        canvas.drawn.setdefault(canvas.owner, []).append((px, width))


def draw_bicycle(canvas: Canvas, rng, x: float, z: float, heading: float):
    """Draws a bicycle of 1.75 m standing along its heading."""
    side, ahead = _frame(heading)
    base, up = np.array([x, 0, z]), np.array([0, 1.0, 0])
    at = lambda f, u, s=0.0: base + f * ahead + u * up + s * side
    rgb = CLOTH[rng.integers(len(CLOTH))]
    t = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    for f in (-0.53, 0.53):
        ring = np.array([at(f + 0.34 * np.cos(a), 0.36 + 0.34 * np.sin(a)) for a in t])
        _line(canvas, ring, 0.065, (26, 26, 28), True)
        _line(canvas, np.array([at(f + 0.28 * np.cos(a), 0.36 + 0.28 * np.sin(a)) for a in t]), 0.02, (150, 152, 156), True)
        for a in t[::4]:
            _line(canvas, np.array([at(f, 0.36), at(f + 0.3 * np.cos(a), 0.36 + 0.3 * np.sin(a))]), 0.012, (120, 122, 126))
    crank, seat, bar = at(-0.05, 0.34), at(-0.2, 0.86), at(0.36, 0.88)
    for a, b in (
        (seat, crank),
        (crank, bar),
        (seat * 0.88 + crank * 0.12, bar),
        (at(-0.53, 0.36), crank),
        (at(-0.53, 0.36), seat),
    ):
        _line(canvas, np.stack([a, b]), 0.055, rgb)
    _line(canvas, np.stack([at(0.34, 1.02), at(0.53, 0.36)]), 0.055, rgb)
    _line(canvas, np.stack([at(0.36, 1.04, -0.27), at(0.36, 1.04, 0.27)]), 0.05, (30, 30, 32))
    _line(canvas, np.stack([at(-0.34, 0.95), at(-0.08, 0.95)]), 0.11, (30, 26, 24))
    _line(canvas, np.stack([at(-0.05, 0.34, -0.12), at(-0.05, 0.34, 0.12)]), 0.1, (60, 60, 64))
    if rng.random() < 0.3:
        for u in (0.78, 0.94):
            _line(
                canvas,
                np.array([at(0.5, u, -0.16), at(0.78, u, -0.16), at(0.78, u, 0.16), at(0.5, u, 0.16)]),
                0.04,
                (120, 92, 60),
                True,
            )


def draw_traffic_light(canvas: Canvas, rng, x: float, z: float, height: float, heading: float, reach: float, owner: int):
    """Draws a post (scenery, owner 0) with an arm of `reach` metres and, as `owner`, the housing with three lamps."""
    side, ahead = _frame(heading)
    canvas.owner = 0
    pole, mid = (70, 74, 78), np.array([x + reach, height, z])
    canvas.capsule((x, 0, z + 0.12), (x, height + (0.5 if reach else 0.1), z + 0.12), 0.09, 0.07, pole)
    if reach:
        canvas.capsule((x, height + 0.5, z + 0.12), (x + reach, height + 0.5, z + 0.12), 0.07, 0.05, pole)
    canvas.owner = owner
    box, (w, h, d) = Solid(), (0.26, 0.66, 0.16)
    corner = lambda s, u, f: mid + s * w * side + u * h * np.array([0, 1.0, 0]) + f * d * ahead
    shell = [(28, 32, 32), (36, 40, 34), (198, 160, 30)][rng.choice(3, p=[0.55, 0.2, 0.25])]
    if rng.random() < 0.4:  # back plate
        box.add([corner(s * 1.4, u * 1.16, 0) for s, u in ((-1, -1), (1, -1), (1, 1), (-1, 1))], (16, 18, 18))
    for f in (-1, 1):
        box.add([corner(-1, -1, f), corner(1, -1, f), corner(1, 1, f), corner(-1, 1, f)], shell)
        box.add([corner(f, -1, -1), corner(f, -1, 1), corner(f, 1, 1), corner(f, 1, -1)], shell)
        box.add([corner(-1, f, -1), corner(1, f, -1), corner(1, f, 1), corner(-1, f, 1)], shell)
    on = rng.choice(["red", "amber", "green"], p=[0.42, 0.14, 0.44])
    t = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    for name, u in (("red", 0.62), ("amber", 0.0), ("green", -0.62)):
        centre = mid + u * h * np.array([0, 1.0, 0]) + (d + 0.01) * ahead
        disc = lambda r, push: np.array(
            [centre + r * (np.cos(a) * side + np.sin(a) * np.array([0, 1.0, 0])) + push * ahead for a in t]
        )
        box.add(disc(0.2, 0), (10, 12, 12))
        box.add(disc(0.165, 0.01), LAMP_ON[name] if name == on else LAMP_OFF[name], name == on)
    for points, rgb, emit in box.faces:
        canvas.polygon(points, rgb, mid, emit)
    canvas.owner = 0
