"""Race erasures against bookings, edits and each other, thousands of times. The last line is the verdict.

bin/with-postgres .venv/bin/python bench/races.py --rounds 3000 --seed 1
.venv/bin/python bench/races.py --rounds 3000 --seed 1          (SQLite)
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import ground


def main(arguments: list[str]) -> int:
    """Run the rounds; 0 where every one held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3000, help="How many (3000).")
    parser.add_argument("--seed", type=int, default=1, help="The same seed gives the same rounds (1).")
    options = parser.parse_args(arguments)
    ground.set_up()
    from bench.racing import race

    with ground.database() as vendor:
        started, shown = time.monotonic(), [0.0]

        def report(said: str) -> None:
            if time.monotonic() - shown[0] > 10 or ";" in said:
                shown[0] = time.monotonic()
                print(f"{shown[0] - started:6.0f} s  {said}", flush=True)

        verdict = race(options.rounds, options.seed, report=report)
        took = time.monotonic() - started
    for name, count in sorted(verdict.outcomes.items()):
        print(f"{count:>8,}  {name}")
    for failure in verdict.failures[:40]:
        print(f"FAILED    {failure}")
    print(f"{vendor}, seed {options.seed}, {took:.0f} s: {verdict}.")
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
