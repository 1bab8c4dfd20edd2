"""The long form: ``python -m tests.faults.long RUNS SEED [FILE]``, as ``bin/faults`` calls it. It ends with the
verdict, and writes its numbers into the file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bench import ground


def main(runs: int, seed: int, file: str = "") -> int:
    """Do the runs on the database of ``DATABASE_URL``; 0 where every one held."""
    ground.set_up()
    from django.db import connection, connections

    from tests.faults.faults import drawn
    from tests.faults.ground import contents
    from tests.faults.house import house, many

    started, shown = time.monotonic(), [0.0]

    def report(said: str) -> None:
        if time.monotonic() - shown[0] > 10 or ";" in said:
            shown[0] = time.monotonic()
            print(f"{shown[0] - started:6.0f} s  {said}", flush=True)

    with ground.database() as vendor:
        print(f"{vendor}: {runs} runs from seed {seed} on", flush=True)
        migrated = contents(connection)
        connections.close_all()
        with house(connection.vendor, migrated) as made:
            verdict = many(made, runs, seed, draw=drawn, report=report)
    for name, count in sorted(verdict.faults.items()):
        print(f"{count:>8,}  {name}")
    for failure in verdict.failures[:40]:
        print(f"FAILED    {failure}")
    if verdict.failures:
        flag = "--sqlite" if vendor == "SQLite" else "--postgres"
        print(f"Repeat one of them by its own seed: bin/faults {flag} --runs 1 --seed ITS-SEED")
    print(f"{vendor}: {verdict}", flush=True)
    if file:
        Path(file).write_text(json.dumps(verdict.tally()))
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
    except KeyboardInterrupt:
        sys.exit(130)
