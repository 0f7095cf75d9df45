"""Decides what stands where in a scene: the road, buildings, traffic, people and lights, without overlap."""

from dataclasses import dataclass
from typing import Callable

import numpy as np

from figures import draw_bicycle, draw_person, draw_traffic_light
from render import Mood
from street import Plan, draw_building, draw_furniture, draw_lamp_post, draw_tree
from vehicles import bus, car, draw_vehicle, truck

CLASSES = ["car", "bus", "truck", "person", "bicycle", "traffic light"]
CAR, BUS, TRUCK, PERSON, BICYCLE, LIGHT = range(6)


@dataclass
class Item:
    """One thing in the scene: its footprint (x0, x1, z0, z1), height in metres, and how it is drawn."""

    bounds: tuple[float, float, float, float]
    height: float
    paint: Callable  # (canvas, owner ids...) -> None
    classes: tuple[int, ...] = ()

    def draw(self, canvas, owners: dict[int, int]):
        """Draws the item, giving each of its objects a free owner id."""
        ids = []
        for cls in self.classes:
            if len(owners) >= 126:
                return
            owners[len(owners) + 1] = cls
            ids.append(len(owners))
        canvas.owner = ids[0] if ids else 0
        self.paint(canvas, *ids)
        canvas.owner = 0

    def shadows(self, mood: Mood) -> list[np.ndarray]:
        """Returns outlines [n, 3] on the ground: right below, and along the sun where there is one."""
        x0, x1, z0, z1 = self.bounds
        feet = np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)], float)
        out = [feet] if self.classes and self.classes != (LIGHT,) else []
        if mood.sun_rgb.max() > 0.3:
            slim = (feet - feet.mean(0)) * (0.8 if self.classes else 0.6) + feet.mean(0)
            shift = -mood.sun * (self.height * 0.92 / mood.sun[1])
            out.append(np.concatenate([slim, slim + (shift[0], 0, shift[2])]))
        return out


class Stage:
    """Keeps what has been placed, and refuses what would overlap or come out too small."""

    def __init__(self, camera_x: float, focal_px: float):
        self.items: list[Item] = []
        self.taken: list[tuple] = []
        self.x, self.focal = camera_x, focal_px

    def put(self, item: Item, extent_m: float, gap: float = 0.25, min_px: float = 11.0, near_m: float = 3.0) -> bool:
        """Adds the item if there is room and its extent reaches min_px on the model's input."""
        x0, x1, z0, z1 = item.bounds
        if (
            z0 < 0.6
            or np.hypot(max(x0 - self.x, 0, self.x - x1), z0) < near_m
            or self.focal * extent_m / ((z0 + z1) / 2) < min_px
        ):
            return False
        if any(x0 - gap < b and a < x1 + gap and z0 - gap < d and c < z1 + gap for a, b, c, d in self.taken):
            return False
        self.taken.append(item.bounds)
        self.items.append(item)
        return True

    def vehicle(self, rng, lights_on, x, z, heading) -> float:
        """Tries a vehicle with its middle at (x, z); returns its length."""
        cls = rng.choice([CAR, BUS, TRUCK], p=[0.6, 0.19, 0.21])
        parts, L, W, H = (car, bus, truck)[cls](rng, lights_on)
        along = abs(np.cos(heading)) > 0.7
        hx, hz = (W / 2, L / 2) if along else (L / 2, W / 2)
        skew = heading + rng.normal(0, 0.02)
        self.put(
            Item((x - hx, x + hx, z - hz, z + hz), H, lambda c, _: draw_vehicle(c, parts, x, z, skew), (int(cls),)),
            max(H, 2 * hx),
            0.5,
            13,
            4.5,
        )
        return L

    def person(self, rng, x, z, heading):
        """Tries a person at (x, z)."""
        h, seed = (rng.uniform(1.58, 1.92) if rng.random() < 0.9 else rng.uniform(1.1, 1.4)), int(rng.integers(1 << 31))
        self.put(
            Item(
                (x - 0.27, x + 0.27, z - 0.27, z + 0.27),
                h,
                lambda c, _: draw_person(c, np.random.default_rng(seed), x, z, heading, height=h),
                (PERSON,),
            ),
            h,
            0.05,
            17,
        )

    def bicycle(self, rng, x, z, heading, rider):
        """Tries a bicycle at (x, z), with or without a rider."""
        seed, along = int(rng.integers(1 << 31)), abs(np.cos(heading)) > 0.7
        hx, hz = (0.3, 0.85) if along else (0.85, 0.3)

        def paint(canvas, *ids):
            own = np.random.default_rng(seed)
            draw_bicycle(canvas, own, x, z, heading)
            if rider:
                canvas.owner = ids[1]
                draw_person(canvas, own, x, z, heading, riding=True)

        self.put(
            Item((x - hx, x + hx, z - hz, z + hz), 1.7 if rider else 1.0, paint, (BICYCLE, PERSON) if rider else (BICYCLE,)),
            max(1.05, 2 * hx),
            0.1,
            18,
        )

    def light(self, rng, x, z, toward):
        """Tries a traffic light at the kerb (x, z); `toward` is the sign of the road's side."""
        mast = rng.random() < 0.35
        height, reach = (rng.uniform(4.6, 5.4), toward * rng.uniform(1.6, 3.2)) if mast else (rng.uniform(2.5, 3.4), 0.0)
        heading = np.pi + rng.normal(0, 0.25) if rng.random() < 0.85 else rng.uniform(0, 2 * np.pi)
        seed, ends = int(rng.integers(1 << 31)), sorted((x, x + reach))
        paint = lambda c, i: draw_traffic_light(c, np.random.default_rng(seed), x, z, height, heading, reach, i)
        self.put(Item((ends[0] - 0.2, ends[1] + 0.2, z - 0.2, z + 0.2), height + 0.6, paint, (LIGHT,)), 1.3, 0.0, 15)


def lay_out(rng, mood: Mood, lean: float, focal_px: float):
    """Fills a street; returns (plan, items, lamps [n, 3], light pools, camera x). `lean` in -1 to 1 places the camera across."""
    half = rng.uniform(3.6, 7.2)
    cross = rng.uniform(11, 24) if rng.random() < 0.62 else None
    plan = Plan(half, rng.uniform(3.0, 5.5), cross, rng.uniform(3.4, 4.6))
    camera_x = lean * (half + 1.2)
    stage, dark, pools, scenery = Stage(camera_x, focal_px), mood.lamps, [], []
    clear = lambda z, w=0.0: cross is None or abs(z - cross) > plan.cross_half + w
    busy, fill = rng.uniform(0.3, 0.95), lambda x: 0.9 if abs(x) > half - 1.4 else busy
    if cross is not None:
        for s in (-1, 1):
            for _ in range(1 if rng.random() < 0.7 else 2):
                stage.light(rng, s * (half + 0.7), cross + (plan.cross_half + 1.0) * (-1 if rng.random() < 0.4 else 1), -s)
        for z in cross + plan.cross_half + 1.8, cross - plan.cross_half - 1.8:
            for _ in range(rng.poisson(1.5)):
                stage.person(rng, rng.uniform(-half, half), z + rng.uniform(-0.9, 0.9), rng.choice([-1, 1]) * np.pi / 2)
            if rng.random() < 0.3:
                stage.bicycle(rng, rng.uniform(-half, half), z, rng.choice([-1, 1]) * np.pi / 2, True)
        for lane, heading in ((-0.5, np.pi / 2), (0.5, -np.pi / 2)):
            x = rng.uniform(-16, -4)
            while x < 18 and rng.random() < 0.75:
                x += stage.vehicle(rng, dark, x, cross + lane * plan.cross_half, heading) + rng.uniform(1.5, 8)
    elif rng.random() < 0.5:
        z = rng.uniform(7, 18)
        for s in (-1, 1):
            stage.light(rng, s * (half + 0.7), z, -s)
    lanes = [(half * f, 0.0) for f in ((0.5,) if half < 5.5 else (0.24, 0.72))] + [
        (-half * f, np.pi) for f in ((0.5,) if half < 5.5 else (0.24, 0.72))
    ]
    for x, heading in lanes:
        z = rng.uniform(5, 16)
        while z < 46:
            middle, L = z + 2.5, 4.5
            if clear(middle, 6) and rng.random() < fill(x):
                L = stage.vehicle(rng, dark, x + rng.normal(0, 0.15), middle, heading)
                if mood.name in ("night", "dusk"):
                    way = 1 if heading == 0 else -1
                    pools.append((x, middle + way * (L / 2 + 3), 1.5, (0.8, 0.76, 0.64)))
            z += L + rng.uniform(2.5, 12)
    for _ in range(rng.poisson(1.6)):
        s = rng.choice([-1, 1])
        place = rng.random()
        if place < 0.45:  # leaning at the wall or kerb
            stage.bicycle(
                rng,
                s * (half + rng.uniform(1.2, plan.walk - 0.6)),
                rng.uniform(3.5, 15),
                rng.choice([0, np.pi / 2, -np.pi / 2]) + rng.normal(0, 0.2),
                False,
            )
        else:
            stage.bicycle(
                rng,
                s * (half - rng.uniform(0.5, 0.9)) if place < 0.8 else s * (half + 1.5),
                rng.uniform(4, 16),
                (0 if s > 0 else np.pi) + rng.normal(0, 0.12),
                True,
            )
    for _ in range(rng.poisson(3.2)):
        s, z = rng.choice([-1, 1]), rng.uniform(3.5, 24)
        x, heading = s * (half + rng.uniform(0.9, plan.walk - 0.4)), rng.choice([0, np.pi, np.pi, rng.uniform(0, 6.28)])
        for k in range(1 + (rng.random() < 0.3)):
            stage.person(rng, x + 0.65 * k, z + 0.1 * k, heading + rng.normal(0, 0.15))
    lamps = []
    for s in (-1, 1):
        z = rng.uniform(3, 12)
        while z < 60:
            post = s * (half + 0.75)
            if clear(z):
                stage.put(
                    Item(
                        (post - 0.1, post + 0.1, z - 0.1, z + 0.1),
                        6.5,
                        lambda c, p=post, d=z, s=s: draw_lamp_post(c, p, d, -s * 1.6),
                    ),
                    6,
                    0.1,
                    0,
                )
                lamps.append((post - s * 1.6, 6.2, z))
            z += rng.uniform(13, 20)
        for _ in range(rng.poisson(2.2)):
            x, z, seed = s * (half + rng.uniform(0.6, plan.walk - 0.5)), rng.uniform(4, 35), int(rng.integers(1 << 31))
            tree = rng.random() < 0.4
            if clear(z, 1):
                paint = (
                    (lambda c, x=x, z=z, n=seed: draw_tree(c, np.random.default_rng(n), x, z))
                    if tree
                    else (lambda c, x=x, z=z, n=seed: draw_furniture(c, np.random.default_rng(n), x, z))
                )
                stage.put(
                    Item((x - 0.3, x + 0.3, z - 0.3, z + 0.3), 5.0 if tree else 0.9, paint), 5, 0.1, 0, 8.5 if tree else 4.5
                )
        z, wall = -4.0, half + plan.walk
        while z < 110:
            depth, seed = rng.uniform(9, 20), int(rng.integers(1 << 31))
            if cross is not None and z < cross + plan.cross_half + 3 and z + depth > cross - plan.cross_half - 3:
                if z < cross - plan.cross_half - 6:
                    depth = cross - plan.cross_half - 3 - z
                else:
                    z = cross + plan.cross_half + 3
            near, far = sorted((s * wall, s * (wall + rng.uniform(12, 30))))
            if rng.random() < 0.93:
                scenery.append(
                    Item(
                        (near, far, z, z + depth),
                        14,
                        lambda c, n=seed, b=(near, far, z, z + depth): draw_building(c, np.random.default_rng(n), *b),
                    )
                )
            z += depth + (rng.uniform(0.0, 5) if rng.random() < 0.25 else 0)
    return plan, stage.items + scenery, np.array(lamps).reshape(-1, 3) if dark else np.zeros((0, 3)), pools, camera_x
