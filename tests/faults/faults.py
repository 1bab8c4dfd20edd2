"""Which faults there are, and which of them a run has: drawn from its seed, so that the same seed draws the same."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from lethe.points import POINTS
from tests.faults.gates import MODES
from tests.faults.outside import PARTS

#: Where each kind of process can be.
ERASING = POINTS[: POINTS.index("transaction committed") + 1]
#: The last one is the application's own: the mail server has taken a digest, and its lines are not marked yet.
WORKING = (*POINTS[POINTS.index("effects leased") :], "mail handed over")
#: An erasure of the runs' client has so many actions, and its effects are done in so many turns.
ACTIONS, TURNS = 8, 5


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run: through which door, with which faults to whom, and how the outside stands."""

    seed: int
    door: str = "erase"
    bucket: bool = False
    #: Faults of the process that erases, and of the first worker.
    erasing: dict[str, Any] = field(default_factory=dict)
    working: dict[str, Any] = field(default_factory=dict)
    #: Part to how its gate stands, and for how many connections.
    gates: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [f"seed {self.seed}", self.door, "bucket" if self.bucket else "folder"]
        for who, fault in (("erasing", self.erasing), ("worker", self.working)):
            if fault:
                said.append(f"{who}: " + " ".join(str(value) for value in fault.values()))
        said += [f"{part} {mode} {times}x" for part, (mode, times) in self.gates.items()]
        return ", ".join(said)


def drawn(seed: int, vendor: str) -> Scenario:
    """The scenario of a seed on this kind of database."""
    rng = random.Random(f"faults {seed}")
    erasing = _fault(rng, ERASING, vendor) if rng.random() < 0.6 else {}
    working = _fault(rng, WORKING, vendor) if rng.random() < 0.6 else {}
    gates = {}
    for part in PARTS:
        if rng.random() < (0.3 if erasing or working else 0.6):
            gates[part] = (rng.choice(MODES), rng.choice([1, 1, 2, 3, 8]))
    return Scenario(
        seed=seed,
        door=rng.choice(["erase", "web"]),
        bucket=rng.random() < 0.5,
        erasing=erasing,
        working=working,
        gates=gates,
    )


def _fault(rng: random.Random, points: tuple[str, ...], vendor: str) -> dict[str, Any]:
    kinds = ["kill"] * 6 + ["disk", "clock"]
    if vendor == "PostgreSQL":
        kinds += ["cut", "cut", "restart"]
    kind = rng.choice(kinds)
    if kind == "disk":
        return {"kind": kind, "bytes": rng.choice([0, rng.randrange(200_000), rng.randrange(2_000_000)])}
    hours = {"hours": rng.choice([-30, -3, 3, 30])}
    if kind == "clock":
        return {"kind": kind} | hours
    point = rng.choice(points)
    most = {"action done": ACTIONS}.get(point, TURNS if point in WORKING[1:] else 1)
    chosen = {"kind": kind, "point": point, "nth": rng.randint(1, most)}
    if kind == "kill" and rng.random() < 0.2:
        # A process whose clock is wrong, too.
        chosen |= hours
    return chosen | ({"how": rng.choice(["SIGINT", "SIGQUIT"])} if kind == "restart" else {})
