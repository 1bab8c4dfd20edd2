"""bin/faults: kills, cuts, fills and slows erasures down, over and over, and looks at what comes of it.

usage: bin/faults [--runs N] [--seed S] [--sqlite | --postgres]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import postgres
import prepare

#: Seconds in which the runs end what they have started, when they are asked to.
GRACE = 60


def main(arguments: list[str]) -> int:
    """Do the runs on the databases that were asked for; gives 0 where every one held."""
    parser = argparse.ArgumentParser(prog="bin/faults", description="Erase under faults; the last line is the verdict.")
    parser.add_argument("--runs", type=int, default=500, help="how many on each database (500)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; each further one has the next (1)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sqlite", action="store_true", help="on SQLite alone")
    which.add_argument("--postgres", action="store_true", help="on PostgreSQL alone")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        raise prepare.Refused("--runs must be 1 or more.")
    os.chdir(prepare.ROOT)
    command = [str(prepare.environment("dev")), "-W", "ignore", "-m", "tests.faults.long"]
    command += [str(options.runs), str(options.seed)]
    codes = []
    with tempfile.TemporaryDirectory(prefix="clubhouse-verdicts-") as folder:
        if not options.postgres:
            codes.append(_run([*command, f"{folder}/sqlite"], DATABASE_URL=""))
        if not options.sqlite:
            with postgres.cluster() as (address, programs):
                path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
                codes.append(_run([*command, f"{folder}/postgres"], DATABASE_URL=address, PATH=path))
        parts = [json.loads(made.read_text()) for made in Path(folder).iterdir()]
        if len(parts) > 1:
            print(_verdict(parts, options.seed))
    return max(codes)


def _verdict(parts: list[dict[str, int]], seed: int) -> str:
    """The last line, of both databases together."""
    total = {name: sum(part[name] for part in parts) for name in ("runs", "half", "lost", "double", "other")}
    said = "{runs} runs, seed {seed}: {half} half-erased, {lost} lost, {double} double effects".format(
        seed=seed, **total
    )
    return said + (f", {total['other']} other failures" if total["other"] else "")


def _run(command: list[str], **changes: str) -> int:
    variables = prepare.variables(**changes)
    variables["PYTHONPATH"] = os.pathsep.join([str(prepare.ROOT), variables["PYTHONPATH"]])
    # A session of its own: Ctrl-C reaches it through this process only, once, and it ends the parts it has started.
    with subprocess.Popen(command, env=variables, start_new_session=True) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(GRACE)
            except subprocess.TimeoutExpired:
                running.kill()
            raise


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/faults: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
