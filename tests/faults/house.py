"""Runs: one erasure each, with faults, and a look from inside and from outside at what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.faults import Scenario
from tests.faults.ground import ROOT, ground
from tests.faults.outside import Held, Outside, outside

#: How often hours pass before what is still not done counts as lost.
PATIENCE = 12
#: The longest wait between two tries is six hours, and a fifth of it more.
HOURS = 8


@dataclass
class Verdict:
    """What came of the runs. ``half``, ``lost`` and ``double`` are counts of runs; ``failures`` says what and where."""

    seed: int
    vendor: str
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    half: int = 0
    lost: int = 0
    double: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def other(self) -> int:
        """How many failures are of no such kind, at least."""
        return max(len(self.failures) - self.half - self.lost - self.double, 0)

    def __str__(self) -> str:
        said = f"{self.runs} runs, seed {self.seed}: "
        said += f"{self.half} half-erased, {self.lost} lost, {self.double} double effects"
        return said + (f", {self.other} other failures" if self.other else "")

    def tally(self) -> dict[str, int]:
        """The numbers of the last line."""
        return {name: getattr(self, name) for name in ("runs", "half", "lost", "double", "other")}


class House:
    """The process under test, its database, its media and the outside."""

    def __init__(self, place: Any, outer: Outside, folder: Path) -> None:
        self.place, self.outer, self.folder = place, outer, folder
        self.log = (folder / "log").open("wb")
        environment = self._environment()
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.zygote"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        try:
            assert self._answer() == {"ready": True}
            self.world = self._prepared()
        except BaseException:
            self.close()
            raise
        self.usual: dict[str, Counter[str]] = {}

    def _prepared(self) -> dict[str, Any]:
        place, outer, folder = self.place, self.outer, self.folder
        ports = {name: gate.port for name, gate in outer.gates.items()}
        order = {"do": "prepare", "gates": ports, "database": place.prepared(), "media": str(folder / "prepared")}
        return dict(self._order(order)["said"])

    def _environment(self) -> dict[str, str]:
        paths = [str(ROOT), str(ROOT / "src")]
        return (
            os.environ
            | self.place.variables()
            | {
                "DJANGO_SETTINGS_MODULE": "tests.support.settings",
                "PYTHONPATH": os.pathsep.join(paths),
            }
        )

    def close(self) -> None:
        """End the process under test."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the process under test has ended: {(self.folder / 'log').read_text()[-2000:]}"
        return dict(json.loads(line))

    # --- one run ------------------------------------------------------------------------------------------------------
    def run(self, scenario: Scenario, verdict: Verdict) -> None:
        """Do a run and note in the verdict what happened and what did not hold."""
        run = _Run(self, scenario)
        run.go()
        run.found = list(dict.fromkeys(run.found))
        verdict.runs += 1
        # Those that came: a process may be done before it is at a point for the n-th time.
        for fault in run.came:
            verdict.faults[f"{fault['kind']} at {fault['point']}" if "point" in fault else fault["kind"]] += 1
        for part, (mode, _) in scenario.gates.items():
            verdict.faults[f"{part} {mode}"] += 1
        kinds = {kind for kind, _ in run.found}
        for kind in ("half", "lost", "double"):
            setattr(verdict, kind, getattr(verdict, kind) + (kind in kinds))
        verdict.failures += [f"{scenario}: {kind}: {what}" for kind, what in run.found]


class _Run:
    def __init__(self, house: House, scenario: Scenario) -> None:
        self.house, self.scenario = house, scenario
        self.found: list[tuple[str, str]] = []
        self.came: list[dict[str, Any]] = []
        self.media = house.folder / "media"
        shutil.rmtree(self.media, ignore_errors=True)
        shutil.copytree(house.folder / "prepared", self.media)
        self.held: Held = house.outer.fresh(house.world["files"], bucket=scenario.bucket)
        self.database = house.place.fresh()
        self.common = house.world | {
            "database": self.database,
            "media": str(self.media),
            "bucket": scenario.bucket,
            "held": asdict(self.held),
        }

    def do(self, what: str, fault: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Have something done, and note where it hangs."""
        mark = self.house.folder / "came"
        mark.unlink(missing_ok=True)
        given = fault | {"mark": str(mark)} if fault else {}
        if given.get("kind") == "restart":
            given["postmaster"] = self.house.place.postmaster()
        done = self.house._order(self.common | more | {"do": what, "fault": given})
        if fault and mark.exists():
            self.came.append(fault)
        if done.get("hung"):
            self.found.append(("lost", f"{what} hung"))
        if self.house.place.vendor == "PostgreSQL":
            self.house.place.wait()
        return done

    def look(self, *, quick: bool = True) -> dict[str, Any]:
        """Look around from inside."""
        said = self.do("look", quick=quick)["said"]
        assert said is not None, f"nobody could look: {(self.house.folder / 'log').read_text()[-2000:]}"
        return dict(said)

    def go(self) -> None:
        """The run."""
        scenario = self.scenario
        assert self.do("dress")["ended"] == 0
        before = self.look()
        for part, (mode, times) in scenario.gates.items():
            self.house.outer.gates[part].stand(mode, times)
        self.do(scenario.door, scenario.erasing)
        after = self.look()
        self.half(before, after)
        if not after["erased"]:
            # Whoever ordered it sees that it did not happen, and orders it again.
            again = self.do(scenario.door)
            if not self.look()["erased"]:
                self.found.append(("lost", f"ordered again, and not done: {again['ended']} {again['said']}"))
                return
        self.do("work", scenario.working)
        self.receipts(self.look())
        self.finish()
        self.end(self.look(quick=False))

    def finish(self) -> None:
        """Let hours pass, and workers without faults work, until there is nothing left to do."""
        for turn in range(PATIENCE):
            # So long at first that what was queued for the client would leave now.
            if self.do("work", hours=HOURS if turn else 100)["said"] == 0:
                break

    # --- what has to hold ---------------------------------------------------------------------------------------------
    def half(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Rule 2: nothing has happened, or the whole person is forgotten."""
        if not before["canaries"] or before["erased"]:
            self.found.append(("other", "the client was not there to begin with"))
        if not after["erased"]:
            if after["digest"] != before["digest"]:
                self.found.append(("half", "not erased, and something is not as it was"))
            return
        if after["left"]:
            self.found.append(("half", "; ".join(after["left"])))
        # The payment provider's and the file store's identifiers wait in the outbox until they are done.
        if left := set(after["canaries"]) - {"customer_token", "card_token", "subscription_token"}:
            self.found.append(("half", f"a canary is left: {', '.join(sorted(left))}"))
        if not after["runs"] == len(after["receipts"]) == 1:
            self.found.append(("half", f"{after['runs']} runs, {len(after['receipts'])} receipts"))
        if after["receipts"] != after["ours"]:
            self.found.append(("half", "the business does not have the receipt"))

    def receipts(self, seen: dict[str, Any]) -> Counter[str]:
        """No receipt without the deed; returns the deeds."""
        done = Counter(effect["kind"] for effect in seen["effects"] if effect["done"])
        deeds = self.house.outer.deeds(self.held, self.media, bucket=self.scenario.bucket)
        for kind, count in deeds.items():
            if done[kind] > count:
                self.found.append(("lost", f"{done[kind]} receipts of {kind}, {count} deeds"))
        told = sum(sum(lines.values()) for lines in self.house.outer.mailed().values())
        if seen["mailed"] > told:
            self.found.append(("lost", f"{seen['mailed']} lines marked as mailed, {told} mailed"))
        return deeds

    def end(self, seen: dict[str, Any]) -> None:
        """Everything is done, once, and nothing of the person is left."""
        undone = [effect for effect in seen["effects"] if not effect["done"]]
        if undone:
            self.found.append(("lost", "; ".join(f"{e['kind']}: {e['error']} ({e['attempts']})" for e in undone)))
        if any(not effect["scrubbed"] for effect in seen["effects"]):
            self.found.append(("other", "a payload is not scrubbed"))
        self.house.outer.settle()
        deeds = self.receipts(seen)
        self.half({"canaries": ["-"], "erased": False}, seen | {"canaries": []})
        if seen["canaries"] or seen["tokens"]:
            self.found.append(("other", f"left in the dump: {seen['canaries']}, {seen['tokens']} tokens"))
        if seen["broken"]:
            self.found.append(("other", f"broken foreign keys: {seen['broken']}"))
        outer = self.house.outer
        effects = Counter(effect["kind"] for effect in seen["effects"])
        for kind, count in deeds.items():
            if count != effects[kind]:
                self.found.append(("lost" if count < effects[kind] else "double", f"{count} of {effects[kind]} {kind}"))
        self.found += [("double", what) for what in outer.doubled()]
        self.found += [("other", what) for what in outer.harmed(self.held, self.media, bucket=self.scenario.bucket)]
        self._told(outer.mailed())

    def _told(self, mailed: dict[str, Counter[str]]) -> None:
        everyone = {address for envelope in self.house.outer.sink.envelopes for address in envelope.rcpt_tos}
        own = {address.lower() for address in self.house.world["addresses"]}
        if own & {address.lower() for address in everyone}:
            self.found.append(("other", "the client was told"))
        if not self.house.usual:
            # The first run has no fault: what it told is what every run tells.
            assert not self.scenario.erasing, "the first run is without a fault"
            self.house.usual = dict(mailed)
            assert len(mailed) > 1, "trainer and manager are told"
            return
        for address, usual in self.house.usual.items():
            got = mailed.get(address, Counter())
            if usual - got:
                self.found.append(("lost", "a line of a digest"))
            if got - usual:
                self.found.append(("double", "a line of a digest"))


@contextlib.contextmanager
def house(vendor: str, migrated: bytes) -> Iterator[House]:
    """Everything that runs need, while the block runs. The first run it does has no fault, and says what is usual."""
    with contextlib.ExitStack() as stack:
        # Where PostgreSQL's own account can reach it.
        base = tempfile.mkdtemp(prefix="clubhouse-faults-", dir="/tmp" if os.geteuid() == 0 else None)  # noqa: S108
        folder = Path(base)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "database").mkdir()
        folder.chmod(0o755)
        place = stack.enter_context(ground(vendor, folder / "database", migrated))
        outer = stack.enter_context(outside(folder))
        made = House(place, outer, folder)
        stack.callback(made.close)
        yield made


def many(
    made: House, runs: int, seed: int, *, draw: Callable[[int, str], Scenario], report: Callable[[str], None]
) -> Verdict:
    """So many runs of the seeds ``seed``, ``seed + 1`` …, after one without a fault."""
    verdict = Verdict(seed, made.place.vendor)
    first = Verdict(seed, made.place.vendor)
    made.run(Scenario(seed=seed), first)
    verdict.failures += first.failures
    for number in range(seed, seed + runs):
        known = len(verdict.failures)
        made.run(draw(number, made.place.vendor), verdict)
        report("; ".join([str(verdict), *verdict.failures[known:]]))
    return verdict
