"""Cars, buses and trucks as lists of lit polygons, in local axes (side, up, length) in metres, front at +length."""

import numpy as np

from render import Canvas

PAINTS = [
    (205, 207, 210),
    (240, 240, 238),
    (34, 36, 40),
    (110, 114, 120),
    (168, 24, 28),
    (30, 70, 140),
    (22, 48, 92),
    (60, 88, 66),
    (196, 150, 40),
    (120, 60, 36),
    (84, 132, 170),
    (200, 84, 28),
    (92, 30, 50),
    (170, 172, 150),
]
BUS_PAINTS = [(206, 28, 32), (236, 178, 28), (28, 92, 176), (232, 232, 228), (26, 128, 84), (226, 110, 24)]
BOX_PAINTS = [(236, 236, 232), (214, 216, 220), (188, 178, 150), (40, 84, 150), (150, 40, 36), (52, 110, 76), (226, 150, 36)]
GLASS, TYRE, RIM, DARK = (46, 56, 68), (24, 24, 26), (140, 142, 146), (34, 35, 38)


class Solid:
    """Polygons of one convex part; details come after the faces that they lie on."""

    def __init__(self):
        self.faces: list[tuple[np.ndarray, tuple, bool]] = []

    def add(self, points, rgb, emit=False):
        """Adds one polygon [n, 3]."""
        self.faces.append((np.asarray(points, float), rgb, emit))

    def loft(self, profile, half, rgb, under=False):
        """Adds a body from a side profile [(length, height)] and half widths; returns the quads across, by edge."""
        k, quads = len(profile), []
        for side in (-1, 1):
            self.add([(side * half[i], profile[i][1], profile[i][0]) for i in range(k)], rgb)
        for i in range(k):
            (l0, h0), (l1, h1), a, b = profile[i], profile[(i + 1) % k], half[i], half[(i + 1) % k]
            quads.append(np.array([(-a, h0, l0), (a, h0, l0), (b, h1, l1), (-b, h1, l1)], float))
            if i < k - 1 or under:
                self.add(quads[-1], rgb)
        return quads

    def on(self, quad, u0, u1, v0, v1, rgb, emit=False):
        """Adds a detail on a quad [4, 3] (two bottom, then two top corners) between fractions u (across) and v (up)."""
        at = lambda u, v: (quad[0] * (1 - u) + quad[1] * u) * (1 - v) + (quad[3] * (1 - u) + quad[2] * u) * v
        self.add([at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)], rgb, emit)

    def disc(self, side, height, length, radius, rgb, n=14):
        """Adds a wheel disc in the side plane."""
        t = np.linspace(0, 2 * np.pi, n, endpoint=False)
        self.add(np.stack([np.full(n, side), height + radius * np.sin(t), length + radius * np.cos(t)], 1), rgb)


def _side_quads(half, l0, l1, h0, h1):
    return [np.array([(s * half, h0, l0), (s * half, h0, l1), (s * half, h1, l1), (s * half, h1, l0)]) for s in (-1, 1)]


def _wheels(half, radius, places):
    """Returns the parts to draw before the body (tyres seen from ahead) and after it (discs on the sides)."""
    tyres, discs = Solid(), Solid()
    for l in places:
        for s in (-1, 1):
            w = [
                (l - radius * 0.8, 0),
                (l - radius * 0.8, radius * 1.5),
                (l + radius * 0.8, radius * 1.5),
                (l + radius * 0.8, 0),
            ]
            for end in (0, 2):
                (a, h0), (b, h1) = w[end], w[end + 1]
                tyres.add([(s * half, h0, a), (s * (half - 0.24), h0, a), (s * (half - 0.24), h1, b), (s * half, h1, b)], TYRE)
            discs.disc(s * (half + 0.01), radius, l, radius * 1.14, DARK)
            discs.disc(s * (half + 0.02), radius, l, radius, TYRE)
            discs.disc(s * (half + 0.03), radius, l, radius * 0.62, RIM)
            discs.disc(s * (half + 0.035), radius, l, radius * 0.2, DARK, 8)
    return tyres, discs


def car(rng, lights_on):
    """Returns (parts in drawing order, length, width, height) of a saloon, hatchback, SUV or van."""
    L, W, H, belt, hood, rb, rr, fr, fb = [
        (4.5, 1.8, 1.44, 0.92, 1.15, -1.75, -1.1, 0.2, 1.05),
        (4.0, 1.76, 1.5, 0.94, 0.95, -1.93, -1.55, 0.3, 1.1),
        (4.6, 1.9, 1.72, 1.08, 1.1, -2.2, -1.9, 0.35, 1.15),
        (4.8, 1.95, 1.92, 1.1, 0.8, -2.35, -2.2, 0.8, 1.65),
    ][rng.choice(4, p=[0.35, 0.3, 0.22, 0.13])]
    paint, w, g = PAINTS[rng.integers(len(PAINTS))], W / 2, L / 2
    paint = tuple(np.clip(np.array(paint) + rng.normal(0, 8, 3), 8, 250))
    body, cabin = Solid(), Solid()
    head = ((255, 248, 222), True) if lights_on else ((214, 220, 226), False)
    tail = ((255, 44, 30), True) if lights_on or rng.random() < 0.25 else ((158, 18, 20), False)
    q = body.loft(
        [(-g, 0.3), (-g, belt - 0.14), (-g + 0.12, belt), (g - hood, belt), (g - 0.22, belt - 0.16), (g, belt - 0.4), (g, 0.3)],
        [w * 0.94, w, w * 0.97, w * 0.97, w * 0.92, w * 0.9, w * 0.9],
        paint,
    )
    for u0, u1 in ((0.02, 0.2), (0.8, 0.98)):
        body.on(q[0], u0, u1, 0.62, 0.96, *tail)
        body.on(q[4], u0, u1 + 0.03 if u0 < 0.5 else u1, 0.1, 0.8, *head)
    body.on(q[0], 0, 1, 0, 0.28, DARK), body.on(q[0], 0.36, 0.64, 0.42, 0.62, (222, 222, 205))
    (
        body.on(q[4], 0.28, 0.72, 0.05, 0.7, DARK),
        body.on(q[5], 0.08, 0.92, 0.62, 1.0, DARK),
        body.on(q[5], 0.36, 0.64, 0.3, 0.62, (222, 222, 205)),
    )
    for side in _side_quads(w * 0.985 + 0.01, -g + 0.25, g - 0.25, 0.34, belt - 0.08):
        body.on(side, 0, 1, 0, 0.14, DARK)
        for u in (0.27, 0.5, 0.72):
            body.on(side, u, u + 0.006, 0.1, 1, tuple(np.array(paint) * 0.5))
    c = cabin.loft([(rb, belt - 0.02), (rr, H), (fr, H), (fb, belt - 0.02)], [w * 0.93, w * 0.77, w * 0.77, w * 0.93], paint)
    cabin.on(c[0], 0.1, 0.9, 0.15, 0.9, GLASS), cabin.on(c[2][[3, 2, 1, 0]], 0.06, 0.94, 0.08, 0.93, (64, 78, 92))
    for s in (-1, 1):
        flat = np.array([(s * w * 0.93, belt, rb), (s * w * 0.93, belt, fb), (s * w * 0.77, H, fr), (s * w * 0.77, H, rr)])
        for u0, u1 in ((0.1, 0.36), (0.39, 0.64), (0.67, 0.93)):
            cabin.on(flat, u0, u1, 0.12, 0.86, GLASS)
    tyres, discs = _wheels(w * 0.98, 0.33, (-g + 0.8, g - 0.85))
    return [tyres, body, discs, cabin], L, W, H


def bus(rng, lights_on):
    """Returns (parts, length, width, height) of a city bus or coach."""
    L, W, H = rng.uniform(8.5, 12), 2.5, rng.uniform(2.9, 3.3)
    w, g, paint = W / 2, L / 2, BUS_PAINTS[rng.integers(len(BUS_PAINTS))]
    second = [(245, 245, 240), tuple(np.array(paint) * 0.6), (40, 42, 50)][rng.integers(3)]
    inside = ((176, 158, 112), True) if lights_on and rng.random() < 0.75 else ((52, 62, 74), False)
    body = Solid()
    q = body.loft([(-g, 0.35), (-g, H - 0.22), (-g + 0.2, H), (g - 0.3, H), (g, H - 0.35), (g, 0.35)], [w] * 6, paint)
    for s, side in zip((-1, 1), _side_quads(w + 0.01, -g, g, 0.35, H)):
        body.on(side, 0, 1, 0, 0.1, second), body.on(side, 0.02, 0.985, 0.36, 0.86, (30, 32, 38))
        n = int(L / 1.45)
        for i in range(n):
            u = 0.03 + 0.95 * i / n
            body.on(side, u, u + 0.95 / n - 0.012, 0.4, 0.82, *inside)
        if rng.random() < 0.4:
            body.on(side, 0.1, 0.75, 0.16, 0.3, second)
        for u in (0.88, 0.5) if s == 1 else ():
            body.on(side, u, u + 0.1, 0.04, 0.84, (30, 32, 38))
            body.on(side, u + 0.006, u + 0.046, 0.08, 0.8, *inside), body.on(side, u + 0.054, u + 0.094, 0.08, 0.8, *inside)
    front, rear = q[4][[3, 2, 1, 0]], q[0]
    body.on(front, 0.04, 0.96, 0.3, 0.86, (52, 64, 78)), body.on(front, 0.2, 0.8, 0.88, 0.985, (255, 170, 30), True)
    body.on(front, 0, 1, 0.0, 0.09, DARK), body.on(front, 0.495, 0.505, 0.3, 0.86, (30, 32, 38))
    head = ((255, 248, 222), True) if lights_on else ((220, 224, 228), False)
    tail = ((255, 44, 30), True) if lights_on else ((158, 18, 20), False)
    for u in (0.05, 0.8):
        body.on(front, u, u + 0.15, 0.12, 0.2, *head), body.on(rear, u + 0.02, u + 0.1, 0.14, 0.3, *tail)
    (
        body.on(rear, 0.12, 0.88, 0.52, 0.86, GLASS),
        body.on(rear, 0.28, 0.72, 0.08, 0.36, DARK),
        body.on(rear, 0.3, 0.7, 0.88, 0.96, (255, 170, 30), True),
    )
    tyres, discs = _wheels(w + 0.01, 0.48, (-g + 2.2, g - 2.5))
    return [tyres, body, discs], L, W, H


def truck(rng, lights_on):
    """Returns (parts, length, width, height) of a box truck, container lorry, tipper or tanker."""
    kind = rng.choice(["box", "long", "tipper", "tank"], p=[0.45, 0.25, 0.18, 0.12])
    L = {"box": rng.uniform(6, 7.5), "long": rng.uniform(9, 11.5), "tipper": 6.8, "tank": 8.5}[kind]
    W, Hc, top = 2.4, rng.uniform(2.4, 2.8), rng.uniform(3.1, 3.6)
    w, g, paint = W / 2, L / 2, PAINTS[rng.integers(len(PAINTS))]
    c0, frame, cab, load = g - 2.0, Solid(), Solid(), Solid()
    frame.loft([(-g, 0.55), (-g, 0.95), (g - 0.2, 0.95), (g - 0.2, 0.55)], [w * 0.9] * 4, DARK)
    q = cab.loft([(c0, 0.5), (c0, Hc), (g - 0.35, Hc), (g, Hc - 1.0), (g + 0.05, 0.45)], [w * 0.96] * 5, paint)
    screen, nose = q[2][[3, 2, 1, 0]], q[3][[3, 2, 1, 0]]
    (
        cab.on(screen, 0.06, 0.94, 0.02, 0.9, (56, 70, 84)),
        cab.on(nose, 0.2, 0.8, 0.38, 0.88, DARK),
        cab.on(nose, 0, 1, 0, 0.2, (60, 62, 66)),
    )
    head = ((255, 248, 222), True) if lights_on else ((220, 224, 228), False)
    tail = ((255, 44, 30), True) if lights_on else ((158, 18, 20), False)
    for u in (0.03, 0.81):
        cab.on(nose, u, u + 0.16, 0.22, 0.36, *head)
    for side in _side_quads(w * 0.96 + 0.01, c0, g - 0.1, 0.6, Hc):
        (
            cab.on(side, 0.28, 0.72, 0.5, 0.9, GLASS),
            cab.on(side, 0.2, 0.21, 0.05, 0.95, DARK),
            cab.on(side, 0.78, 0.79, 0.05, 0.5, DARK),
        )
    rgb = BOX_PAINTS[rng.integers(len(BOX_PAINTS))]
    b0, b1 = -g - 0.05, c0 - 0.2
    if kind == "tank":
        t = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        ring = [np.stack([1.15 * np.cos(t), 2.05 + 1.1 * np.sin(t), np.full(12, l)], 1) for l in (b0, b1)]
        for i in range(12):
            load.add([ring[0][i], ring[1][i], ring[1][i - 1], ring[0][i - 1]], (206, 208, 212))
        load.add(ring[0], (176, 178, 182)), load.add(ring[1], (176, 178, 182))
    else:
        top = 2.2 if kind == "tipper" else top
        slope = 0.35 if kind == "tipper" else 0
        r = load.loft([(b0, 0.95), (b0 + slope, top), (b1, top), (b1, 0.95)], [w] * 4, rgb)
        for side in _side_quads(w + 0.01, b0 + slope, b1, 0.97, top):
            if kind == "long" or kind == "tipper":
                for u in np.linspace(0.04, 0.96, 12 if kind == "long" else 6):
                    load.on(side, u, u + 0.012, 0.04, 0.96, tuple(np.array(rgb) * 0.7))
            elif rng.random() < 0.6:
                load.on(side, 0.2, 0.8, 0.35, 0.7, PAINTS[rng.integers(len(PAINTS))])
            load.on(side, 0, 1, 0, 0.05, (170, 40, 36))
        load.on(r[0], 0.495, 0.505, 0, 1, DARK), load.on(r[0], 0, 1, 0, 0.06, (200, 60, 50))
        for u in (0.2, 0.78):
            load.on(r[0], u, u + 0.02, 0.04, 0.96, (120, 122, 126))
    for u in (0.02, 0.82):
        frame.on(
            np.array([(-w, 0.6, -g - 0.06), (w, 0.6, -g - 0.06), (w, 0.92, -g - 0.06), (-w, 0.92, -g - 0.06)]),
            u,
            u + 0.16,
            0.1,
            0.8,
            *tail,
        )
    places = [g - 0.9, -g + 1.1] + ([-g + 2.2] if L > 6.5 else []) + ([-g + 3.3] if L > 9 else [])
    tyres, discs = _wheels(w * 0.97, 0.48, places)
    return [tyres, frame, load, cab, discs], L, W, max(top, Hc)


def draw_vehicle(canvas: Canvas, parts, x: float, z: float, heading: float):
    """Draws parts at (x, z) metres on the ground; heading 0 drives away from the camera, pi towards it."""
    s, c = np.sin(heading), np.cos(heading)
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    place = lambda p: p @ turn + (x, 0, z)
    if len(parts) == 5:  # a truck: the nearer of load and cab comes last
        mid = [place(np.mean([f[0].mean(0) for f in parts[i].faces], 0)[None])[0] for i in (2, 3)]
        away = [np.hypot(*(m - canvas.camera.pos)[[0, 2]]) for m in mid]
        order = (2, 3) if away[0] > away[1] else (3, 2)
        parts = [parts[0], parts[1], parts[order[0]], parts[order[1]], parts[4]]
    for part in parts:
        middle = place(np.mean([f[0].mean(0) for f in part.faces], 0)[None])[0]
        for points, rgb, emit in part.faces:
            canvas.polygon(place(points), rgb, middle, emit)
